"""A video's stages on a simulated GPU, each in a thread and a lane of its own, make the scenes of a CPU."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig, EverythingConfig
from sav.data.types import Frame
from sav.detectors.yolo import YoloDetector
from sav.device import Precision
from sav.sam.model import SamModel
from sav.stages.regions import RegionFollower
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.trackers import make_tracker
from tests.conftest import random_sam
from tests.detectors.models import save, tiny_model
from tests.simulated_gpu.chip import DEVICE

CPU, FAST = torch.device("cpu"), Precision(torch.float32)
FEW = EverythingConfig(3, predicted_iou_threshold=0, stability_threshold=0.1)


@pytest.mark.long
@pytest.mark.parametrize("with_regions", [False, True])
def test_stages_in_lanes_make_the_scenes_of_a_cpu(driver, tmp_path, picture, with_regions):
    images = [np.roll(picture, 2 * step, axis=1) for step in range(5)]
    frames = [Frame(image, step, str(step), Fraction(step, 30)) for step, image in enumerate(images)]
    path, found = save(tiny_model(), tmp_path / "best.pt"), []
    for device in (CPU, DEVICE):
        detector = YoloDetector(path, device, DetectionConfig(conf=0.1, max_det=9, imgsz=96))
        sam = SamModel(random_sam(), device, FAST)
        follower = RegionFollower(sam, 2.0, FEW) if with_regions else None
        cutter = Cutter(sam, detector.categories, follower=follower)
        tracker = make_tracker("sav", frame_rate=30.0)
        found.append(list(stream(detector, cutter, frames, tracker, batch=2)))
    for one, other in zip(*found, strict=True):
        assert one.track_ids.tolist() == other.track_ids.tolist()
        assert len(one.regions) == len(other.regions)
        np.testing.assert_allclose(one.boxes_xyxy, other.boxes_xyxy, atol=0.01)
        assert np.diag(one.masks.iou_matrix(other.masks)).min(initial=1.0) > 0.99
    assert sum(len(scene) for scene in found[1]) > 1
    assert sum(len(scene.regions) for scene in found[1]) >= 3 * with_regions
    assert driver.graphs and all(graph.replays for graph in driver.graphs)
    assert len(driver.chips) >= 3  # looking, encoding, cutting out
