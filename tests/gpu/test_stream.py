"""A video's stages side by side on a GPU find what one thread finds that does one after the other."""

import numpy as np

from sav.config import VIDEO_DETECTION, DetectionConfig
from sav.detectors.load import load_detector
from sav.device import EXACT, choose_device
from sav.media.reader import open_video
from sav.sam.load import load_sam
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.trackers import make_tracker
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

FRAMES = 14


def test_stages_side_by_side_make_the_scenes_of_one_thread(cuda):
    config = DetectionConfig(conf=0.1, imgsz=640).over(VIDEO_DETECTION)
    detector = load_detector({"yolo": DEMO_YOLO}, choose_device(str(cuda)), config, False)
    cutter = Cutter(load_sam(DEMO_SAM, cuda, EXACT), detector.categories)
    with open_video(ROOT / "TestImages" / "street.mp4", end=FRAMES) as reader:
        frames = list(reader)

    found = []
    for in_stages in (False, True):
        tracker = make_tracker("sav", frame_rate=30.0)
        found.append(list(stream(detector, cutter, frames, tracker, 4, in_stages=in_stages)))

    assert len(found[0]) == len(found[1]) == FRAMES
    for alone, overlapped in zip(*found, strict=True):
        assert overlapped.track_ids.tolist() == alone.track_ids.tolist()
        assert overlapped.class_ids.tolist() == alone.class_ids.tolist()
        np.testing.assert_allclose(overlapped.boxes_xyxy, alone.boxes_xyxy, atol=0.1)
        assert np.diag(overlapped.masks.iou_matrix(alone.masks)).min(initial=1.0) >= 0.99
    assert sum(len(scene) for scene in found[0]) > FRAMES
