import pickle

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sav.graphs import Graphs, _kind, _replaced, _tensors
from sav.sam.fast.decoder import FastDecoder
from sav.sam.fast.graph_sizes import parts_of, pays_together
from sav.sam.fast.graphed import Graphed
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
    assert [list(parts_of(count, 64)) for count in (0, 1, 3, 5, 10, 20, 24, 33, 64, 70, 130)] == [
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
    assert list(parts_of(9, 4)) == [4, 4, 1]


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
def test_boxes_of_several_pictures_give_the_same_masks_together(monkeypatch, one_by_one):
    monkeypatch.setattr("sav.sam.fast.low_rank_decoder._ONE_BY_ONE", one_by_one)
    monkeypatch.setattr("sav.sam.fast.graphed._EXTENT_STEP", 1)
    sam = random_sam(spread=0.1)
    decoder = FastDecoder(sam, 16, lambda boxes: sam.prompt_encoder._embed_boxes(boxes))
    features = [prompted(sam, count)[0] for count in (1, 2, 3)]
    boxes = torch.rand(3, 9, 4, generator=torch.Generator().manual_seed(0)) * 128
    shared = [None, decoder.share(features[1]), None]
    sizes = []
    decoder._graphed.graphs = lambda function, *given: sizes.append(given[0].shape[:2]) or function(*given)
    found = decoder.together(features, boxes, (8, 6), shared)
    assert sizes == [(3, 4), (3, 4), (3, 1)]  # 16 at once at most
    assert found.shape[:2] == (3, 9) and found.std(0)[..., :24].min() > 0 and not found[..., 24:].any()
    for logits, *picture in zip(found, features, boxes, strict=True):
        wanted, _ = decoder(*picture, Wanted(ONE))
        torch.testing.assert_close(logits[..., :24], wanted[..., :24], rtol=1e-4, atol=1e-5)


def test_pictures_go_together_where_that_is_less_work():
    counts = ([10, 10, 9, 7], [8] * 4, [8, 8, 8, 0], [30] * 4, [1, 1], [49, 49], [2] * 8)
    assert all(pays_together(some, 128) for some in counts)
    nobody, hardly_filled = ([], [3], [0, 0]), ([60, 1], [30, 31, 0, 29], [1, 0, 0, 0], [8, 8, 8, 11])
    beyond_the_large_graphs = [50] * 4, [64] * 4, [70] * 4, [95] * 4, [128] * 4, [100, 100], [30] * 8, [1] * 9
    assert not any(pays_together(some, 128) for some in (*nobody, *hardly_filled, *beyond_the_large_graphs))


def test_pictures_of_other_shapes_and_numbers_do_not_take_turns_in_graphs():
    takes = Graphed(LowRankDecoder(random_sam()), 128).takes_together
    wide, tall = (37, 64), (64, 37)
    assert takes([8, 8], [wide, wide]) and takes([8] * 3, [wide] * 3)
    assert not takes([8, 8], [wide, wide])  # there are graphs of three by now
    assert not takes([8] * 3, [wide, wide, tall])
    assert not takes([20] * 9, [wide] * 9) and not takes([50] * 4, [wide] * 4)
    assert takes([8] * 3, [wide, wide, (36, 63)])  # the same, in steps


def test_another_process_begins_without_graphs():
    sent = pickle.loads(pickle.dumps(Graphs(3)))
    assert sent._capacity == 3 and not sent._captured
