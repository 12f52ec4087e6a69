"""In half precision a detector finds what it finds in float32."""

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.network import load_network
from sav.detectors.quick import quicken
from sav.detectors.yolo import YoloDetector
from sav.device import EXACT, Precision
from sav.media.pictures import read_picture
from tests.conftest import DEMO_YOLO, ROOT
from tests.detectors.models import random_model, save

CPU = torch.device("cpu")


def halved(checkpoint, config):
    """A detector on the CPU that computes as on a GPU."""
    detector = YoloDetector(checkpoint, CPU, config)
    detector._network = detector._network.halved()
    quicken(detector._network.module)
    return detector


def assert_nearly_the_same(found, wanted):
    """Each has the other's boxes within a pixel, of the same class, with scores within 0.01."""
    rows = [
        np.column_stack([one.boxes_xyxy, 100 * one.scores, 100 * one.class_ids]) for one in (found, wanted)
    ]
    differences = np.abs(rows[0][:, None] - rows[1]).max(-1)
    assert len(wanted) > 2 and differences.shape[0] == differences.shape[1]
    assert differences.min(0).max() < 1 and differences.min(1).max() < 1


@pytest.mark.parametrize(("flipped", "imgsz"), [(False, 320), (True, 640)])
def test_boxes_are_the_same_within_a_pixel_and_scores_within_a_hundredth(flipped, imgsz):
    picture = read_picture(ROOT / "TestImages" / "clear.jpg")
    picture = picture[:, ::-1].copy() if flipped else picture
    config = DetectionConfig(imgsz=imgsz)
    wanted, found = YoloDetector(DEMO_YOLO, CPU, config), halved(DEMO_YOLO, config)
    assert_nearly_the_same(found([picture])[0], wanted([picture])[0])


def test_objects_look_the_same():
    picture = read_picture(ROOT / "TestImages" / "clear.jpg")
    config = DetectionConfig(imgsz=320)
    wanted = YoloDetector(DEMO_YOLO, CPU, config).with_looks()([picture])[0].looks.astype(int)
    found = halved(DEMO_YOLO, config).with_looks()([picture])[0].looks.astype(int)
    assert np.abs(found - wanted).max() <= 2


@pytest.mark.parametrize(
    "yaml",
    [
        "yolo26n.yaml",
        *(
            pytest.param(yaml, marks=pytest.mark.long)
            for yaml in (
                "yolov5n.yaml", "yolov8n-seg.yaml", "yolov8n-obb.yaml", "yolov10n.yaml", "yolo12n.yaml",
                "yolov8s-worldv2.yaml", "yoloe-11s-seg.yaml", "yolo26n-pose.yaml",
            )
        ),
    ],
)  # fmt: skip
def test_every_architecture_gives_places_in_float32_and_nearly_the_same_ones(tmp_path, yaml):
    path = save(random_model(yaml), tmp_path / "best.pt")
    whole, half = load_network(path), load_network(path).halved()
    assert half.dtype == torch.float16
    batch = torch.rand(1, 3, 96, 160)
    with torch.inference_mode():
        wanted, found = whole(batch), half(batch.half())
    assert found.dtype == torch.float32
    if not whole.chooses:
        assert (found[:, :4] - wanted[:, :4]).abs().max() < 0.25
        scores = slice(4, 4 + whole.class_count)
        assert (found[:, scores] - wanted[:, scores]).abs().max() < 0.01


@pytest.mark.parametrize("yaml", [pytest.param("yolov8n-rtdetr.yaml", marks=pytest.mark.long)])
def test_transformers_stay_in_float32(tmp_path, yaml):
    assert not load_network(save(random_model(yaml), tmp_path / "best.pt")).is_regular


@pytest.mark.parametrize(
    ("precision", "dtype"), [(EXACT, torch.float32), (Precision(torch.bfloat16), torch.float16)]
)
def test_a_gpu_with_tensor_cores_gets_half_precision_unless_all_must_be_exact(monkeypatch, precision, dtype):
    monkeypatch.setattr("sav.detectors.yolo.has_fast_float16", lambda device: True)
    assert YoloDetector(DEMO_YOLO, CPU, precision=precision)._network.dtype == dtype


def test_a_cpu_stays_in_float32():
    assert YoloDetector(DEMO_YOLO, CPU, precision=Precision(torch.bfloat16))._network.dtype == torch.float32
