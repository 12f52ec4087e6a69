"""Masks from embeddings on a GPU: graphs and kernels give what plain PyTorch gives."""

import logging
import threading

import numpy as np
import pytest
import torch

from sav.config import EverythingConfig
from sav.device import EXACT, Precision
from sav.graphs import Graphs
from sav.media.pictures import read_picture
from sav.sam.everything import segment_everything
from sav.sam.fast import decoder, low_rank, on_device, upscaling
from sav.sam.fast.decoder import FastDecoder
from sav.sam.fast.on_device import DeviceEnlarger
from sav.sam.load import load_sam
from sav.sam.outputs import THREE, Wanted
from tests.conftest import DEMO_SAM, ROOT, random_sam
from tests.sam.test_decoder import OFFICIAL, prompted
from tests.sam.test_enlarge import blobs

BFLOAT16 = Precision(torch.bfloat16)


@pytest.fixture
def sam(cuda):
    return random_sam(OFFICIAL, spread=0.1).to(cuda)


def prompts(sam, cuda, count):
    features, sparse, _ = prompted(sam.cpu(), count)
    sam.to(cuda)
    return type(features)(features.coarse.to(cuda)), sparse.to(cuda)


@torch.inference_mode()
def test_graphs_give_what_the_same_code_gives_without_them(sam, cuda):
    features, sparse = prompts(sam, cuda, 70)
    graphed, plain = FastDecoder(sam, 64), FastDecoder(sam, 64)
    plain._graphed.graphs = lambda function, *arguments: function(*arguments)
    for one in (graphed, plain):
        one(features, sparse, Wanted(THREE))
        one.finish_compiling()
    for count in (1, 3, 16, 70):
        for _ in range(3):  # warming up, capturing, replaying
            found = graphed(features, sparse[:count], Wanted(THREE, 0.0))
        for one, other in zip(found, plain(features, sparse[:count], Wanted(THREE, 0.0)), strict=True):
            assert torch.equal(one, other)
    if cuda.type == "cuda":
        assert all(graphed._graphed.graphs._captured.values())


@torch.inference_mode()
def test_pictures_whose_boxes_go_together_get_what_each_gets_alone(cuda):
    street = read_picture(sorted((ROOT / "TestImages").glob("*.jpg"))[0])
    height, width = street.shape[:2]
    corners = np.random.default_rng(0).random((10, 2)) * (0.7 * width, 0.7 * height)
    sizes = np.array([0.25 * width, 0.25 * height])
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    model = load_sam(DEMO_SAM, cuda, Precision(torch.float32))
    embeddings = model.embed([street, np.ascontiguousarray(street[::-1])])
    asked = [boxes, boxes[:9]]
    for _ in range(3):  # warming up, capturing, replaying
        together = model.masks_from_boxes_together(embeddings, asked)
    for embedding, some, masks in zip(embeddings, asked, together, strict=True):
        assert np.diag(model.masks_from_boxes(embedding, some).iou_matrix(masks)).min() > 0.999
    if cuda.type == "cuda":
        captured = model._decoder._graphed.graphs._captured.values()
        assert [len(one.inputs[0]) for one in captured][:2] == [2, 2]  # pictures, of 8 boxes and of 4


@torch.inference_mode()
def test_graphs_answer_several_threads_and_streams(cuda):
    graphs, wrong = Graphs(), []

    def squared(x):
        return (x * x, x.sum())

    def work(number):
        stream = torch.cuda.Stream(cuda) if cuda.type == "cuda" else None
        with torch.inference_mode(), torch.cuda.stream(stream):
            for step in range(50):
                x = torch.full((1000,), float(number + step), device=cuda)
                square, total = graphs(squared, x)
                if square[0].item() != (number + step) ** 2 or total.item() != 1000 * (number + step):
                    wrong.append((number, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@torch.inference_mode()
def test_what_cannot_be_captured_runs_as_it_is(cuda, caplog):
    graphs, x = Graphs(), torch.ones(3, device=cuda)

    def waits(x):
        return x * x.sum().item()

    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            assert graphs(waits, x).tolist() == [3.0, 3.0, 3.0]
    assert len(caplog.records) == (cuda.type == "cuda")
    caplog.clear()
    assert 0 <= torch.rand((), device=cuda).item() < 1
    assert graphs(lambda x: x + 1, x).tolist() == [2.0, 2.0, 2.0]


@torch.inference_mode()
def test_triton_kernels_give_nearly_what_plain_pytorch_gives(sam, cuda, monkeypatch):
    features, sparse = prompts(sam, cuda, 64)
    with_kernels = FastDecoder(sam, 64)
    with_kernels(features, sparse, Wanted(THREE))
    with_kernels.finish_compiling()
    fast = with_kernels(features, sparse, Wanted(THREE))
    if cuda.type == "cuda":
        assert not low_rank._attempts._failed
        assert not upscaling._attempts._failed
    for module in (low_rank, upscaling):
        monkeypatch.setattr(module._attempts, "device_types", ())
    plain = FastDecoder(sam, 64)(features, sparse, Wanted(THREE))
    assert float((fast[0] - plain[0]).std()) < 5e-3 * float(plain[0].std())
    assert float((fast[1] - plain[1]).abs().max()) < 5e-3 * float(plain[1].std())


@pytest.mark.parametrize("size_hw", [(1080, 1920), (50, 50), (3, 700)])
def test_kernels_pack_the_masks_of_plain_pytorch(cuda, size_hw):
    given = random_sam(OFFICIAL), size_hw, 2**28, 1
    convention = load_sam(DEMO_SAM, cuda).convention
    masks = [
        DeviceEnlarger(convention, *given[1:], is_exact=is_exact).masks(blobs(60).to(cuda))[0]
        for is_exact in (True, False)
    ]
    assert cuda.type != "cuda" or not on_device._attempts._failed
    overlap = np.diag(masks[0].iou_matrix(masks[1]))[masks[0].areas > 0]
    assert overlap.mean() > 0.9999


def test_everything_is_nearly_what_float32_finds(cuda):
    street = read_picture(sorted((ROOT / "TestImages").glob("*.jpg"))[0])
    config = EverythingConfig(16, predicted_iou_threshold=0.2, stability_threshold=0.0, nms_threshold=1.1)
    found = []
    for precision in (EXACT, BFLOAT16):
        model = load_sam(DEMO_SAM, cuda, precision)
        found.append(segment_everything(model, model.embed([street])[0], config).masks)
    exact, fast = (masks[masks.areas > 0] for masks in found)
    assert abs(len(exact) - len(fast)) <= 0.02 * len(exact)
    assert exact.iou_matrix(fast).max(axis=1).mean() >= 0.99


def test_boxes_of_all_numbers_are_nearly_those_of_float32(cuda):
    street = read_picture(sorted((ROOT / "TestImages").glob("*.jpg"))[0])
    height, width = street.shape[:2]
    corners = np.random.default_rng(0).random((40, 2)) * (0.7 * width, 0.7 * height)
    sides = np.array([0.25 * width, 0.25 * height])
    boxes = np.hstack([corners, corners + sides]).astype(np.float32)
    exact, fast = (load_sam(DEMO_SAM, cuda, precision) for precision in (EXACT, BFLOAT16))
    for count in (0, 1, 5, 16, 40):
        masks = [model.masks_from_boxes(model.embed([street])[0], boxes[:count]) for model in (exact, fast)]
        assert len(masks[0]) == len(masks[1]) == count
        if count:
            assert np.diag(masks[0].iou_matrix(masks[1])).mean() >= 0.98
    assert decoder._GRAPHED == ("cuda",)
