"""SAM on a simulated GPU: all its tensors are there, and it is waited for where results are needed alone."""

import numpy as np
import pytest
import torch

from sav.config import EverythingConfig
from sav.device import EXACT, Precision
from sav.sam.everything import segment_everything
from sav.sam.fast import kernels
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from tests.conftest import random_sam
from tests.sam.models import know_tiny_ones, mobile_sam, sam_2
from tests.simulated_gpu.chip import DEVICE
from tests.simulated_gpu.kernels import add_norm, attend

CPU, FAST = torch.device("cpu"), Precision(torch.float32)
BOXES = np.array([[10, 20, 80, 90], [0, 0, 160, 120], [50.5, 60.2, 70.1, 99.9]], np.float32)
CONFIG = EverythingConfig(6, predicted_iou_threshold=0.1, stability_threshold=0.2, nms_threshold=0.99)
# How many bytes masks have, and then these.
OF_MASKS = ["sav/sam/fast/on_device.py:packed_together copy", "sav/sam/fast/on_device.py:brought_down copy"]
# After each chunk of prompts, 32 and 4: which masks are good enough, and which of these are stable.
OF_A_CHUNK = ["sav/sam/outputs.py:above nonzero", "sav/sam/everything.py:_find_on_device nonzero"]
OF_THE_REST = ["sav/sam/everything.py:_distinct nms", *OF_MASKS, "sav/sam/everything.py:_find_on_device copy"]


def model_on(device, precision=FAST):
    return SamModel(random_sam(), device, precision)


def tiny_of(build, monkeypatch, folder, device):
    know_tiny_ones(monkeypatch)
    torch.save(build().state_dict(), folder / "sam.pt")
    return load_sam(folder / "sam.pt", device, FAST)


def without_packing(waits):
    """Less what plain PyTorch needs where there are no Triton kernels: where each mask's bytes begin."""
    return [wait for wait in waits if "on_device.py:pack copy" not in wait]


@pytest.mark.parametrize("precision", [FAST, Precision(torch.bfloat16), EXACT])
def test_masks_of_boxes_are_those_of_a_cpu_and_are_waited_for_twice(driver, picture, precision):
    on_cpu, model = (model_on(device, precision) for device in (CPU, DEVICE))
    wanted = on_cpu.masks_from_boxes(on_cpu.embed([picture])[0], BOXES)
    for _ in range(3):
        driver.forget_waits()
        embedding = model.embed([picture])[0]
        waits_of_embedding = list(driver.waits)
        driver.forget_waits()
        masks = model.masks_from_boxes(embedding, BOXES)
        if precision.is_exact:  # Pillow makes pictures ready, and upstream's modules wait
            assert without_packing(driver.waits)[-2:] == OF_MASKS
        else:
            assert not waits_of_embedding
            assert without_packing(driver.waits) == OF_MASKS
        if precision.dtype == torch.float32:  # random weights make much of bfloat16's roundings
            assert np.diag(masks.iou_matrix(wanted)).min() > 0.999


def test_boxes_of_several_pictures_have_the_gpu_waited_for_as_often_as_those_of_one(driver, picture):
    model, pictures = model_on(DEVICE), [picture, picture[::-1], picture[:, :100]]
    embeddings, boxes = model.embed(pictures), [BOXES, BOXES[:0], BOXES[:1]]
    alone = [model.masks_from_boxes(*pair) for pair in zip(embeddings, boxes, strict=True)]
    for _ in range(3):
        driver.forget_waits()
        together = model.masks_from_boxes_together(embeddings, boxes)
        assert without_packing(driver.waits) == OF_MASKS
        assert [len(masks) for masks in together] == [3, 0, 1]
        for one, other in zip(together, alone, strict=True):
            assert one.size_hw == other.size_hw
            assert np.diag(one.iou_matrix(other)).min(initial=1) > 0.999


def test_boxes_of_a_batch_go_through_one_graph_unless_one_picture_has_many_more(driver, picture):
    model, pictures = model_on(DEVICE), [picture, picture[::-1]]
    embeddings = model.embed(pictures)
    for counts, wanted in (((3, 2), 1), ((10, 9), 2), ((11, 1), 3)):  # 10 are 8 and 2, 11 are 8 and 3
        boxes = [np.concatenate([BOXES] * 4)[:count] for count in counts]
        alone = [model.masks_from_boxes(*pair) for pair in zip(embeddings, boxes, strict=True)]
        for _ in range(3):
            before = sum(graph.replays for graph in driver.graphs)
            together = model.masks_from_boxes_together(embeddings, boxes)
        assert sum(graph.replays for graph in driver.graphs) - before == wanted
        for one, other in zip(together, alone, strict=True):
            assert np.diag(one.iou_matrix(other)).min(initial=1) > 0.999


def test_from_the_third_picture_on_all_is_replayed_but_an_encoder_of_plain_pytorch(driver, picture):
    model, replays = model_on(DEVICE), []
    for step in range(5):
        embedding = model.embed([np.roll(picture, step, axis=1)])[0]
        model.masks_from_boxes(embedding, BOXES)
        replays.append([graph.replays for graph in driver.graphs])
    assert replays == [[], [1, 1], [2, 2, 1], [3, 3, 2], [4, 4, 3]]  # the last prepares


def test_everything_is_what_a_cpu_finds_and_waits_twice_a_chunk(driver, picture):
    on_cpu = model_on(CPU)
    wanted = segment_everything(on_cpu, on_cpu.embed([picture])[0], CONFIG)
    model = model_on(DEVICE)
    for _ in range(3):
        embedding = model.embed([picture])[0]
        driver.forget_waits()
        found = segment_everything(model, embedding, CONFIG)
        assert without_packing(driver.waits) == [*OF_A_CHUNK, *OF_A_CHUNK, *OF_THE_REST]
        assert len(found) == len(wanted) > 3
        assert np.diag(found.masks.iou_matrix(wanted.masks)).min() > 0.999
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-4)


def test_everything_is_exact_where_it_must_be(driver, picture):
    on_cpu, model = (model_on(device, EXACT) for device in (CPU, DEVICE))
    wanted, found = (segment_everything(one, one.embed([picture])[0], CONFIG) for one in (on_cpu, model))
    assert len(found) == len(wanted) > 3
    assert np.diag(found.masks.iou_matrix(wanted.masks)).min() > 0.999


@pytest.mark.long
@pytest.mark.parametrize("build", [mobile_sam, sam_2])
def test_other_kinds_give_what_they_give_on_a_cpu(driver, monkeypatch, tmp_path, picture, caplog, build):
    models = [tiny_of(build, monkeypatch, tmp_path, device) for device in (CPU, DEVICE)]
    config = EverythingConfig(2, predicted_iou_threshold=0, stability_threshold=0, nms_threshold=1.1)
    for _ in range(3):
        embeddings = [model.embed([picture, picture[::-1]]) for model in models]
        pairs = zip(models, embeddings, strict=True)
        wanted, found = (
            (
                *model.masks_from_boxes_together(some, [BOXES, BOXES[:2]]),
                segment_everything(model, some[0], config).masks,
            )
            for model, some in pairs
        )
        for one, other in zip(wanted, found, strict=True):
            assert len(one) == len(other) > 0
            overlaps = np.diag(one.iou_matrix(other))[one.areas > 0]
            assert overlaps.mean() > 0.99
    assert len(driver.graphs) > 2 and all(graph.replays for graph in driver.graphs)
    assert not any("graph" in line for line in caplog.messages)


def test_an_encoder_of_kernels_is_a_graph_that_gives_each_batch_its_own_features(
    driver, picture, monkeypatch
):
    exact, pictures = model_on(CPU, EXACT), [picture, picture[::-1], picture[:, ::-1]]
    wanted = [one.features.coarse for one in exact.embed(pictures)]
    for name, plain in (("can_run", lambda *asked: True), ("attend", attend), ("add_norm", add_norm)):
        monkeypatch.setattr(kernels, name, plain)
    model, found = model_on(DEVICE, Precision(torch.bfloat16)), []
    for _ in range(3):
        found += [one.features.coarse for image in pictures for one in model.embed([image])]
    assert [graph.replays for graph in driver.graphs] == [8, 8, 7]  # of features, what prompts share, pixels
    for place, features in enumerate(found):
        there = wanted[place % 3]
        assert (features.cpu() - there).std() < 0.05 * there.std()


def test_no_prompt_is_asked_for_on_the_wrong_device(driver, picture):
    model = model_on(DEVICE)
    embedding = model.embed([picture])[0]
    assert len(model.masks_from_boxes(embedding, BOXES[:0])) == 0
    for least in (None, 1e9):
        logits, predicted_iou = model.decode_points(embedding, np.full((5, 2), 30.0), least)
        assert logits.device == predicted_iou.device == DEVICE
        assert len(logits) == (0 if least else 15)
