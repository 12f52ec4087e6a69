"""Captures one at a time, and what is left of those that fail and of graphs that nobody needs any longer."""

import gc
import threading
import time
import weakref

import pytest
import torch

from sav.graphs import Graphs
from sav.stages.halving import in_halves
from tests.simulated_gpu.chip import DEVICE


def called(graphs, function):
    """What a function finds: the first call is none of a graph, the second is captured."""
    return graphs(function, torch.ones(3, device=DEVICE))


@torch.inference_mode()
def test_threads_capture_one_after_the_other(driver):
    inside, wrong = [], []

    def slow(x):
        if driver.chip.capture is not None:
            inside.append(threading.get_ident())
            time.sleep(0.02)
            wrong.extend(other for other in inside if other != threading.get_ident())
            inside.remove(threading.get_ident())
        return x + 1

    def work():
        with torch.inference_mode():
            graphs = Graphs()
            for _ in range(3):
                called(graphs, slow)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert [graph.replays for graph in driver.graphs] == [2] * 4


@pytest.mark.parametrize("fails", [False, True])
@torch.inference_mode()
def test_no_garbage_is_collected_while_a_graph_is_captured(driver, fails):
    seen = []

    def watched(x):
        seen.append(gc.isenabled())
        return x * x.sum().item() if fails else x + 1

    gc.enable()  # ultralytics leaves it off where it finds no cache of a data set
    graphs = Graphs()
    for _ in range(3):
        called(graphs, watched)
    assert seen[:2] == [True, False]
    assert gc.isenabled()
    gc.disable()
    try:
        called(Graphs(), watched)
        assert not gc.isenabled()
    finally:
        gc.enable()


@torch.inference_mode()
def test_after_a_capture_that_fails_random_numbers_are_given_to_all_again(driver):
    def waits(x):
        return x * x.sum().item()

    graphs = Graphs()
    for _ in range(3):
        called(graphs, waits)
    failed, other = driver.graphs
    assert not driver.random_is_refused and driver.capturing is None
    assert driver.ended_pools == [failed.pool] and other.pool is not failed.pool


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])  # PyTorch's, and CUDA's at the end
@torch.inference_mode()
def test_a_capture_without_memory_is_tried_again_without_what_is_kept_for_later(driver, caplog, error):
    def large(x):
        if driver.chip.capture is not None and not driver.freed:
            raise error("CUDA out of memory.\nTried to allocate much")
        return x + 1

    graphs = Graphs()
    assert [called(graphs, large).tolist() for _ in range(3)] == [[2.0] * 3] * 3
    assert [graph.replays for graph in driver.graphs if graph.replays] == [2]
    assert driver.freed == 1 and not caplog.messages


@torch.inference_mode()
def test_memory_is_given_back_between_captures(driver, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def work(numbers):
        if len(numbers) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return numbers

    halves = []
    freeing = threading.Thread(target=lambda: halves.extend(in_halves(work, [1, 2], "")))

    def slow(x):
        if driver.chip.capture is not None:
            freeing.start()
            freeing.join(0.2)
            assert freeing.is_alive() and not driver.freed
        return x + 1

    graphs = Graphs()
    for _ in range(2):
        called(graphs, slow)
    freeing.join()
    assert driver.freed == 1 and halves == [1, 2]


@torch.inference_mode()
def test_graphs_that_end_while_another_is_captured_end_after_it(driver):
    old, alive = Graphs(), []
    for _ in range(2):
        called(old, torch.sin)
    ends = weakref.ref(*old._captured.values())

    def dropping(x):
        if driver.chip.capture is not None:
            nonlocal old
            old = None
            alive.append(ends() is not None)
        return x + 1

    graphs = Graphs()
    for _ in range(2):
        called(graphs, dropping)
    assert alive == [True]
    assert ends() is None


@torch.inference_mode()
def test_the_oldest_graph_ends_when_another_takes_its_place(driver):
    graphs = Graphs(capacity=1)
    for function in (torch.sin, torch.cos):
        for _ in range(2):
            called(graphs, function)
        if function is torch.sin:
            ends = weakref.ref(*graphs._captured.values())
    assert ends() is None and len(graphs._captured) == 1
