"""Detectors on a simulated GPU: in half precision nearly a CPU's boxes, and three times waited for."""

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.yolo import YoloDetector
from sav.device import EXACT, Precision
from tests.detectors.models import random_model, save, tiny_model
from tests.simulated_gpu.chip import DEVICE

FAST = Precision(torch.bfloat16)
CONFIG = DetectionConfig(conf=0.1, iou=0.7, imgsz=96)
NOISE = np.random.default_rng(0).integers(0, 255, (3, 80, 120, 3), np.uint8)
WAITS = [
    "sav/detectors/suppression.py:suppressed index",
    "sav/detectors/suppression.py:suppressed nms",
    "sav/detectors/yolo.py:_brought copy",
]


@pytest.fixture
def checkpoint(tmp_path):
    return save(tiny_model(), tmp_path / "best.pt")


@pytest.mark.parametrize("precision", [FAST, EXACT])
@pytest.mark.parametrize("with_looks", [False, True])
def test_boxes_are_a_cpus_and_are_waited_for_three_times(driver, checkpoint, precision, with_looks):
    devices = torch.device("cpu"), DEVICE
    detectors = [YoloDetector(checkpoint, device, CONFIG, precision=precision) for device in devices]
    if with_looks:
        detectors = [detector.with_looks() for detector in detectors]
    on_cpu, detector = detectors
    for images in (NOISE[:2], NOISE[1:], NOISE[:2], NOISE[:1], NOISE[2:]):
        wanted = on_cpu(list(images))
        driver.forget_waits()
        found = detector(list(images))
        uploads = ["sav/detectors/yolo.py:_prepared_by_opencv copy"] if precision.is_exact else []
        assert driver.waits == [*uploads, *WAITS]
        for one, other in zip(found, wanted, strict=True):
            assert abs(len(one) - len(other)) <= 0.05 * len(other)
            nearest = np.abs(one.boxes_xyxy[:, None] - other.boxes_xyxy).max(-1).min(0)
            assert len(other) > 0 and np.median(nearest) < 1
            assert one.looks.shape[1] == other.looks.shape[1] and bool(one.looks.size) == with_looks
    assert [graph.replays for graph in driver.graphs] == [2, 1, *([] if precision.is_exact else [1])]


def test_chosen_classes_and_slices_of_many_sizes_are_no_trouble(driver, checkpoint):
    detector = YoloDetector(checkpoint, DEVICE, CONFIG, precision=FAST)
    detector = detector.with_config(DetectionConfig(conf=0.4, classes=("dog",), imgsz=96))
    for _ in range(3):
        found = detector([NOISE[0], NOISE[0][:33, :64], NOISE[0][:1]])
        assert {class_id for one in found for class_id in one.class_ids.tolist()} <= {1}


@pytest.mark.long
@pytest.mark.parametrize("kind", ["yolov8n", "yolo26n", "yolov8n-seg", "yolov8n-obb", "yolov8n-rtdetr"])
def test_every_kind_of_head_computes_there_and_is_captured(driver, tmp_path, caplog, monkeypatch, kind):
    if kind.endswith("rtdetr") and torch.__version__ < (2, 14):
        pytest.skip("there torch.tensor asks CUDA's driver for its device")
    monkeypatch.setattr("sav.detectors.network.try_out", lambda network: None)  # on PyTorch's own device
    path = save(random_model(f"{kind}.yaml"), tmp_path / "best.pt")
    detector = YoloDetector(path, DEVICE, DetectionConfig(0.0, 1.0, imgsz=64), precision=FAST)
    counts = [len(detector([NOISE[0], NOISE[0]])[1]) for _ in range(3)]
    assert counts[0] == counts[1] == counts[2] > 3
    assert not caplog.messages
    assert [graph.replays for graph in driver.graphs] == ([] if kind.endswith("rtdetr") else [2, 1])
