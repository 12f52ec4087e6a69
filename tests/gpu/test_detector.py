"""Detectors on a GPU: in float32 what the CPU finds, in half precision nearly that, graphs or none."""

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.yolo import YoloDetector
from sav.device import EXACT, Precision
from sav.media.pictures import read_picture
from tests.conftest import DEMO_YOLO, ROOT
from tests.detectors.models import random_model, save

CPU = torch.device("cpu")
FAST = Precision(torch.bfloat16)
PICTURE = read_picture(ROOT / "TestImages" / "clear.jpg")
PICTURES = [PICTURE, np.ascontiguousarray(PICTURE[:, ::-1]), PICTURE[:-64], PICTURE]


LEAST = 0.25
# Of two boxes of nearly one score that overlap, suppression leaves either.
ALL = DetectionConfig(conf=LEAST, iou=1.0, imgsz=640)


def assert_nearly_the_same(found, wanted):
    """Each has the other's boxes within a pixel, of the same class, with scores within 0.01."""
    rows, other_rows = (
        np.column_stack([one.boxes_xyxy, 100 * one.scores, 100 * one.class_ids]) for one in (found, wanted)
    )
    differences = np.abs(rows[:, None] - other_rows).max(-1)
    # What lies at the least score may be there on one side alone.
    sure, other_sure = (one.scores > LEAST + 0.01 for one in (found, wanted))
    assert sure.sum() > 2
    assert differences[sure].min(1).max() < 1
    assert differences[:, other_sure].min(0).max() < 1


@pytest.mark.parametrize("precision", [EXACT, FAST])
def test_what_is_found_is_what_the_cpu_finds_in_float32(cuda, precision):
    wanted = YoloDetector(DEMO_YOLO, CPU, ALL)(PICTURES)
    detector = YoloDetector(DEMO_YOLO, cuda, ALL, precision=precision)
    for _ in range(3):  # the second is captured, the third replayed
        for found, one in zip(detector(PICTURES), wanted, strict=True):
            assert_nearly_the_same(found, one)


def test_a_graph_is_replayed_with_other_pictures_and_the_same_boxes_come_of_the_same(cuda):
    detector = YoloDetector(DEMO_YOLO, cuda, ALL, precision=FAST)
    first = detector(PICTURES[:2])
    for _ in range(3):
        swapped = detector(PICTURES[1::-1])
        for one, other in zip(first, swapped[::-1], strict=True):
            assert_nearly_the_same(one, other)


def test_looks_are_those_of_float32(cuda):
    config = DetectionConfig(imgsz=640)
    wanted = YoloDetector(DEMO_YOLO, CPU, config).with_looks()([PICTURE])[0]
    detector = YoloDetector(DEMO_YOLO, cuda, config, precision=FAST).with_looks()
    for _ in range(3):
        found = detector([PICTURE])[0]
        nearest = np.abs(found.boxes_xyxy[:, None] - wanted.boxes_xyxy).max(-1).argmin(0)
        assert np.abs(found.looks[nearest].astype(int) - wanted.looks).max() <= 3


@pytest.mark.parametrize("kind", ["yolo26n", "yolov8n-seg", "yolov8n-obb", "yolov8n-rtdetr"])
def test_every_kind_of_head_runs_in_half_precision_and_through_graphs(cuda, tmp_path, kind):
    path = save(random_model(f"{kind}.yaml"), tmp_path / "best.pt")
    noise = np.random.default_rng(0).integers(0, 255, (120, 200, 3), np.uint8)
    detector = YoloDetector(path, cuda, DetectionConfig(0.0, 1.0), precision=FAST)
    counts = [len(detector([noise, noise])[1]) for _ in range(3)]
    assert counts[0] == counts[1] == counts[2] > 3


def test_the_network_is_asked_without_waiting(cuda):
    if cuda.type != "cuda":
        pytest.skip("on a CPU all is waited for")
    detector = YoloDetector(DEMO_YOLO, cuda, DetectionConfig(imgsz=320), precision=FAST)
    detector([PICTURE])
    torch.cuda.set_sync_debug_mode("error")
    try:
        with torch.inference_mode():
            detector._network(detector._prepared([PICTURE], 320))
    finally:
        torch.cuda.set_sync_debug_mode("default")
