import pickle

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sav.graphs import Graphs, _kind, _replaced, _tensors
from sav.sam.fast.decoder import FastDecoder
from sav.sam.fast.graphed import Graphed, _sizes, are_alike
from sav.sam.fast.low_rank_decoder import LowRankDecoder
from sav.sam.fast.shared_image import TokenToImage
from sav.sam.outputs import ONE, THREE, Wanted
from tests.conftest import random_sam
from tests.sam.test_decoder import prompted

NESTED = (torch.ones(2), (3, None, TokenToImage(torch.zeros(1), torch.ones(1), torch.ones(3))), "name")
# What waits for the device, has shapes that depend on numbers, or brings numbers from the CPU.
FORBIDDEN = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "unique", "is_pinned")


class Watch(TorchDispatchMode):
    """Refuses what a CUDA graph cannot hold."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert not any(name in str(func) for name in FORBIDDEN), func
        if "index" in str(func):
            assert not any(tensor.dtype == torch.bool for tensor in args[1] if tensor is not None)
        return func(*args, **(kwargs or {}))


def test_without_cuda_a_function_is_called_as_it_is():
    graphs, calls = Graphs(), []
    for _ in range(3):
        assert graphs(lambda x, y: calls.append(1) or (x + 1, y), torch.zeros(2), 5)[1] == 5
    assert len(calls) == 3
    assert not graphs._captured


def test_tensors_in_nested_tuples_are_found_and_replaced():
    assert [tensor.numel() for tensor in _tensors(NESTED)] == [2, 1, 1, 3]
    other = _replaced(NESTED, (tensor * 2 for tensor in _tensors(NESTED)))
    assert isinstance(other[1][2], TokenToImage)
    assert other[1][:2] == (3, None)
    assert other[1][2].values.tolist() == [2, 2, 2]
    assert _kind(other) == _kind(NESTED)
    assert hash(_kind(other)) == hash(_kind(NESTED))
    assert _kind((torch.ones(3), *NESTED[1:])) != _kind(NESTED)


def test_prompts_go_in_sizes_that_are_filled_up_by_few_at_most():
    assert [list(_sizes(count, 64)) for count in (0, 1, 3, 5, 10, 20, 24, 33, 64, 70, 130)] == [
        [],
        [1],
        [3],
        [5],
        [8, 2],
        [16, 4],
        [24],
        [32, 1],
        [64],
        [64, 6],
        [64, 64, 2],
    ]
    assert list(_sizes(9, 4)) == [4, 4, 1]


@torch.inference_mode()
def test_nothing_in_a_decoders_graph_waits_for_the_device(monkeypatch):
    monkeypatch.setattr("sav.sam.fast.low_rank_decoder._ONE_BY_ONE", ())
    sam = random_sam(spread=0.1)
    features, sparse, _ = prompted(sam, 3)
    decoder, of_two = LowRankDecoder(sam), torch.stack([sparse, sparse])
    with Watch():
        shared = decoder.share(features.coarse, features.fine)
        for is_one in (True, False):
            Graphed(decoder, 8).all_masks(of_two, (shared, shared), is_one, (8, 8), (8, 5), False)


@torch.inference_mode()
def test_prompts_in_a_graphs_sizes_give_the_same_masks(monkeypatch):
    sam = random_sam(spread=0.1)
    features, sparse, _ = prompted(sam, 13)
    wanted = FastDecoder(sam, chunk_size=4)
    monkeypatch.setattr("sav.sam.fast.decoder._GRAPHED", ("cpu",))
    found = FastDecoder(sam, chunk_size=4)
    for count in (0, 1, 13):
        for outputs, least in ((ONE, None), (THREE, None), (THREE, 0.0), (THREE, 1e9)):
            given, all_wanted = (features, sparse[:count]), Wanted(outputs, least)
            monkeypatch.setattr("sav.sam.fast.decoder._GRAPHED", ())
            ones = wanted(*given, all_wanted)
            monkeypatch.setattr("sav.sam.fast.decoder._GRAPHED", ("cpu",))
            for one, other in zip(ones, found(*given, all_wanted._replace(extent_hw=(8, 8))), strict=True):
                torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("one_by_one", [("cpu",), ()])  # as on a CPU, as on a GPU
@torch.inference_mode()
def test_prompts_of_several_pictures_give_the_same_masks_together(monkeypatch, one_by_one):
    monkeypatch.setattr("sav.sam.fast.low_rank_decoder._ONE_BY_ONE", one_by_one)
    sam = random_sam(spread=0.1)
    decoder = FastDecoder(sam, chunk_size=16)
    pictures = [
        (features, sparse[:9]) for features, sparse, _ in (prompted(sam, count) for count in (9, 10, 11))
    ]
    features, sparse = zip(*pictures, strict=True)
    shared = [None, decoder.share(features[1]), None]
    found = decoder.together(features, torch.stack(sparse), Wanted(ONE, extent_hw=(8, 6)), shared)
    assert found.shape[:2] == (3, 9) and found.std(0).min() > 0
    for logits, picture in zip(found, pictures, strict=True):
        wanted, _ = decoder(*picture, Wanted(ONE))
        torch.testing.assert_close(logits[..., :24], wanted[..., :24], rtol=1e-4, atol=1e-5)


def test_pictures_go_together_where_filling_them_up_costs_little():
    assert all(are_alike(counts, 64) for counts in ([10, 10, 9, 7], [1, 0, 0, 0], [0, 5], [40, 38], [1] * 64))
    assert not any(are_alike(counts, 64) for counts in ([], [3], [0, 0], [60, 1], [30, 31, 0, 29], [1] * 65))


def test_another_process_begins_without_graphs():
    sent = pickle.loads(pickle.dumps(Graphs(3)))
    assert sent._capacity == 3 and not sent._captured
