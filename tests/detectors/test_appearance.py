"""What objects look like to a detector: the same thing the same, whatever else is in the batch."""

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.appearance import LARGEST, appearances
from sav.detectors.yolo import YoloDetector
from sav.media.pictures import read_picture
from tests.conftest import DEMO_YOLO, ROOT
from tests.detectors.models import random_model, save

CPU = torch.device("cpu")
BOXES = torch.tensor([[0.0, 0, 16, 32, 1, 0, 0], [16, 0, 32, 32, 1, 0, 0], [32, 0, 48, 32, 1, 0, 0]])


def grid_of(*colours):
    """`(1, C, 8, 4 * colours)`: upright stripes of 16 pixels, seen by a layer of stride 4."""
    stripes = [
        torch.tensor(colour, dtype=torch.float32)[:, None, None].expand(-1, 8, 4) for colour in colours
    ]
    return torch.cat(stripes, 2)[None]


def test_boxes_of_one_colour_look_alike_and_those_of_another_do_not():
    grid = grid_of((1, 0, 0), (0, 1, 0), (1, 0, 0))
    looks = appearances([grid], BOXES, width=48)
    red, green, again = looks.numpy().astype(int)
    assert looks.dtype == torch.int8 and looks.shape == (3, 9)
    assert abs(red @ again) > 0.99 * red @ red and red @ green < 0.1 * red @ red
    assert abs(np.linalg.norm(red) - LARGEST) < 2


def test_what_is_above_is_not_mixed_with_what_is_below():
    grid = torch.zeros(1, 2, 9, 4)
    grid[:, 0, :4], grid[:, 1, 5:] = 1, 1
    upside_down = torch.cat([grid, grid.flip(2)], 3)
    boxes = torch.tensor([[0.0, 0, 16, 36, 1, 0, 0], [16, 0, 32, 36, 1, 0, 0]])
    looks = appearances([upside_down], boxes, width=32)
    one, other = looks.numpy().astype(int)
    assert one @ other < 0.3 * (one @ one)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_as_many_looks_as_boxes_and_none_without_layers(count):
    boxes = BOXES[:count]
    assert appearances([grid_of((1, 0), (0, 1))], boxes, 32).shape == (count, 6)
    assert appearances([], boxes, 32).shape == (count, 0)


def test_a_detector_tells_looks_if_it_is_asked_and_finds_the_same():
    picture = read_picture(ROOT / "TestImages" / "clear.jpg")
    detector = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(imgsz=320))
    found, looking = detector([picture])[0], detector.with_looks()
    seen = looking([picture])[0]
    assert found.looks.shape == (len(found), 0) and seen.looks.shape == (len(found), 144)
    np.testing.assert_array_equal(found.boxes_xyxy, seen.boxes_xyxy)
    batch = looking([picture, picture[:, ::-1].copy()])
    assert np.abs(batch[0].looks.astype(int) - seen.looks).max() <= 1
    assert not any(layer._forward_hooks for layer in detector._network.module.model)


@pytest.mark.long
@pytest.mark.parametrize("yaml", ["yolo11n.yaml", "yolov8n-rtdetr.yaml"])
def test_detectors_of_other_kinds_tell_looks_too(tmp_path, yaml):
    detector = YoloDetector(save(random_model(yaml), tmp_path / "model.pt"), CPU, DetectionConfig(conf=0.001))
    noise = np.random.default_rng(0).integers(0, 255, (160, 160, 3), dtype=np.uint8)
    seen = detector.with_looks()([noise])[0]
    assert len(seen) and seen.looks.shape[1] > 0 and seen.looks.any()
