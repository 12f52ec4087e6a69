"""Graphs on a simulated GPU: what they are given, what they give, and what is left when they fail."""

import logging
import threading
import weakref

import pytest
import torch

from sav.graphs import Graphs
from tests.simulated_gpu.chip import DEVICE


def doubled(x, y):
    return 2 * x + y, (x.sum(), y)


@torch.inference_mode()
def test_the_second_call_is_captured_and_each_replay_has_its_own_numbers(driver):
    graphs, found = Graphs(), []
    for number in range(5):
        x = torch.full((4,), float(number), device=DEVICE)
        found.append(graphs(doubled, x, torch.ones(4, device=DEVICE)))
    assert len(driver.graphs) == 1 and driver.graphs[0].replays == 4
    assert not driver.waits
    for number, (sums, (total, ones)) in enumerate(found):
        assert sums.tolist() == [2 * number + 1] * 4
        assert total.item() == 4 * number
        assert ones.tolist() == [1] * 4


def many(x):
    return (x, x.T, (x.sum(0), x.sum(), x[:0]))


@torch.inference_mode()
def test_many_results_are_copied_in_one_piece_and_laid_out_alike_from_the_first_call_on(driver):
    graphs, found = Graphs(), []
    numbers = [torch.arange(6.0).reshape(2, 3) + step for step in range(4)]
    for x in numbers:
        found.append(graphs(many, x.to(DEVICE)))
    assert driver.graphs[0].replays == 3
    for (one, turned, (columns, total, nothing)), x in zip(found, numbers, strict=True):
        assert one.tolist() == x.tolist()
        assert turned.tolist() == x.T.tolist()
        assert turned.is_contiguous()
        assert columns.tolist() == x.sum(0).tolist()
        assert total.shape == () and total.item() == x.sum().item()
        assert nothing.shape == (0, 3)
    assert len({part.untyped_storage().data_ptr() for part in found[3][:2]}) == 1


@torch.inference_mode()
def test_other_shapes_and_settings_are_graphs_of_their_own_and_the_oldest_goes(driver):
    graphs = Graphs(capacity=2)

    def times(x, factor):
        return x * factor

    for _ in range(3):
        for count, factor in ((2, 3), (2, 4), (5, 3)):
            x = torch.ones(count, device=DEVICE)
            assert graphs(times, x, factor).tolist() == [factor] * count
    assert len(graphs._captured) == 2


@torch.inference_mode()
def test_graphs_read_arguments_of_one_kind_from_the_same_memory(driver):
    graphs, x, y = Graphs(), torch.ones(4, device=DEVICE), torch.full((4,), 2.0, device=DEVICE)

    def difference(x, y, factor):
        return (x - y) * factor

    for _ in range(3):
        for factor in (1, 10):
            assert graphs(difference, x, y, factor).tolist() == [-factor] * 4
            assert graphs(difference, y, x, factor).tolist() == [factor] * 4
    one, other = graphs._captured.values()
    assert all(mine is its for mine, its in zip(one.inputs, other.inputs, strict=True))
    assert one.inputs[0] is not one.inputs[1]

    square = torch.arange(4.0, device=DEVICE).reshape(2, 2)
    for _ in range(3):
        for given in (square, square.T, square.int()):
            assert graphs(difference, given, given[:1], 1).tolist() == (given - given[:1]).tolist()
    assert len({id(captured.inputs[0]) for captured in graphs._captured.values()}) == 4


@pytest.mark.parametrize("how", ["waits", "copies", "is refused"])
@torch.inference_mode()
def test_what_cannot_be_captured_runs_as_it_is_and_the_next_is_captured(driver, caplog, how):
    def stubborn(x):
        y = x + 1
        if how == "waits":
            y = y * x.sum().item()
        elif how == "copies":
            y = y + torch.ones(3).to(DEVICE)
        elif driver.chip.capture is not None:
            raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate much")
        return y

    graphs, x = Graphs(), torch.ones(3, device=DEVICE)
    with caplog.at_level(logging.WARNING):
        found = [graphs(stubborn, x).tolist() for _ in range(4)]
    assert found == [found[0]] * 4
    (record,) = caplog.records
    assert "stubborn runs without a CUDA graph: CUDA" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert len(driver.ended_pools) == (2 if how == "is refused" else 1) and driver.chip.capture is None

    for _ in range(3):
        assert graphs(doubled, x, x)[0].tolist() == [3.0] * 3
    assert driver.graphs[-1].replays == 2
    assert driver.graphs[-1].pool is not driver.graphs[0].pool


@torch.inference_mode()
def test_a_capture_that_fails_otherwise_leaves_nothing_behind(driver):
    def wrong(x):
        if driver.chip.capture is not None:
            raise KeyError("a compiler's own error")
        return x

    graphs, x = Graphs(), torch.ones(3, device=DEVICE)
    graphs(wrong, x)
    with pytest.raises(KeyError):
        graphs(wrong, x)
    assert len(driver.ended_pools) == 1 and graphs._pool is None and driver.chip.capture is None
    assert graphs(wrong, x).tolist() == [1.0] * 3


@torch.inference_mode()
def test_two_threads_replay_one_graph(driver):
    graphs, wrong = Graphs(), []

    def work(number):
        with torch.inference_mode():
            for step in range(20):
                x = torch.full((4,), float(number + step), device=DEVICE)
                if graphs(doubled, x, x)[0].tolist() != [3 * (number + step)] * 4:
                    wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in (100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(driver.graphs) == 1


class Model:
    def __init__(self):
        self.graphs = Graphs()

    def __call__(self, x):
        return self.graphs(self.work, x)

    def work(self, x):
        return x + 1


@torch.inference_mode()
def test_a_models_graphs_go_with_it(driver):
    model = Model()
    for _ in range(3):
        model(torch.ones(2, device=DEVICE))
    assert driver.graphs[-1].replays == 2
    gone = weakref.ref(model)
    del model
    assert gone() is None


@torch.inference_mode()
def test_what_was_called_once_is_not_remembered_for_ever(driver, monkeypatch):
    monkeypatch.setattr("sav.graphs._MOST_WARM", 8)
    graphs = Graphs()
    for count in range(1, 50):
        graphs(doubled, torch.ones(count, device=DEVICE), torch.ones(count, device=DEVICE))
    assert len(graphs._warm) <= 8
