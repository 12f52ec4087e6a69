"""What detectors find: as ultralytics' own prediction does, in any batch, and in any number of threads."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from sav.config import PICTURE_DETECTION, VIDEO_DETECTION, DetectionConfig
from sav.detectors.door import import_ultralytics
from sav.detectors.yolo import YoloDetector, side_for
from sav.errors import CheckpointError
from sav.media.pictures import read_picture
from tests.conftest import DEMO_YOLO, ROOT, SHARED
from tests.detectors.models import random_model, save, tiny_model

CPU = torch.device("cpu")
REAL_YOLO = SHARED / "weights" / "yolov8n.pt"
PICTURES = sorted((ROOT / "TestImages").glob("*.*g"))
needs_real_weights = pytest.mark.skipif(not REAL_YOLO.exists(), reason="needs the real YOLOv8n weights")


def predicted(checkpoint, picture, config, side):
    """`(N, 6)` boxes, scores and classes as ultralytics' own way from a file to a picture gives them."""
    model = import_ultralytics().YOLO(str(checkpoint))
    settings = {"conf": config.conf, "iou": config.iou, "max_det": config.max_det, "device": "cpu"}
    result = model.predict(picture, imgsz=side, verbose=False, **settings)[0]
    if result.obb is None:
        return result.boxes.data.numpy()
    return np.column_stack([result.obb.xyxy, result.obb.conf, result.obb.cls])


def assert_as_predicted(checkpoint, picture, config=PICTURE_DETECTION, are_all=True):
    """Every box that ultralytics predicts is found, and no other if `are_all`; equal scores have no order."""
    found = YoloDetector(checkpoint, CPU, config)([picture])[0]
    config = config.over(PICTURE_DETECTION)
    wanted = predicted(checkpoint, picture, config, side_for(picture.shape[:2], config.imgsz, 32))
    height, width = picture.shape[:2]
    wanted[:, :4] = wanted[:, :4].clip(0, [width, height, width, height])
    rows = np.column_stack([found.boxes_xyxy, 100 * found.scores, found.class_ids])
    differences = np.abs(wanted * [1, 1, 1, 1, 100, 1] - rows[:, None]).max(-1)
    assert differences.min(0).max() < 0.05
    assert len(wanted) > 3
    assert len(found) == len(wanted) or not are_all


@pytest.mark.parametrize("config", [PICTURE_DETECTION, VIDEO_DETECTION])
def test_the_demo_finds_what_ultralytics_predicts_with_it(config):
    assert_as_predicted(DEMO_YOLO, read_picture(PICTURES[0]), config)


@needs_real_weights
@pytest.mark.parametrize("config", [PICTURE_DETECTION, VIDEO_DETECTION, DetectionConfig(0.01, 0.3, 333, 20)])
def test_real_weights_find_what_ultralytics_predicts_with_them(config):
    assert_as_predicted(REAL_YOLO, read_picture(SHARED / "media" / "dog.jpg"), config)


@needs_real_weights
def test_real_weights_find_what_is_known_to_be_in_a_photograph():
    detector = YoloDetector(REAL_YOLO, CPU)
    found = detector([read_picture(SHARED / "media" / "dog.jpg")])[0]
    names = [detector.categories[class_id] for class_id in found.class_ids.tolist()]
    assert sorted(names) == ["bowl", "chair", "dog", "person"]
    assert found.scores.round(1).tolist() == pytest.approx([0.9, 0.9, 0.9, 0.6])


QUICK = ("yolo26n.yaml", "yolov8n-seg.yaml", "yolov8n-pose.yaml", "yolov8n-obb.yaml", "yolov10n.yaml")
FAMILIES = (
    "yolov5n.yaml", "yolov9t.yaml", "yolo11n.yaml", "yolo11n-seg.yaml", "yolo12n.yaml", "yolo26n-obb.yaml",
    "yolo26n-pose.yaml", "yolov8n-rtdetr.yaml", "yolov8s-world.yaml", "yolov8s-worldv2.yaml",
    "yoloe-v8s.yaml", "yoloe-11s-seg.yaml", "yoloe-11s-seg-pf.yaml", "yoloe-26n.yaml",
)  # fmt: skip
MORE = (
    "rtdetr-l.yaml", "yolov3-tiny.yaml", "yolov5n-p6.yaml", "yolov6n.yaml", "yolov8n-p2.yaml",
    "yolov8n-p6.yaml", "yolov8n-ghost.yaml", "yolov9c-seg.yaml", "yolo11n-obb.yaml", "yolo12n-seg.yaml",
    "yolo26n-p6.yaml", "yoloe-v8s-seg.yaml", "yoloe-v8s-seg-pf.yaml",
)  # fmt: skip


@pytest.mark.parametrize(
    "yaml",
    [
        *QUICK,
        *(pytest.param(yaml, marks=pytest.mark.long) for yaml in FAMILIES),
        *(pytest.param(yaml, marks=pytest.mark.slow) for yaml in MORE),
    ],
)
def test_every_architecture_finds_what_ultralytics_predicts_with_it(tmp_path, yaml):
    path = save(random_model(yaml), tmp_path / "best.pt")
    # ultralytics scales the sides of oriented boxes, which is exact alone where nothing is scaled.
    size_hw = (128, 192) if "obb" in yaml else (120, 200)
    noise = np.random.default_rng(0).integers(0, 255, (*size_hw, 3), np.uint8)
    # Without suppression, which between boxes of one score is a matter of rounding. ultralytics drops objects
    # whose own masks are empty; here SAM makes the masks.
    assert_as_predicted(path, noise, DetectionConfig(0.0, 1.0, max_det=2000), "seg" not in yaml)


@pytest.mark.parametrize("yaml", ["yoloe-11s-seg-pf.yaml", "yolov8n-rtdetr.yaml"])
@pytest.mark.long
def test_small_pictures_and_batches_of_them_find_what_single_ones_do(tmp_path, yaml):
    detector = YoloDetector(save(random_model(yaml), tmp_path / "best.pt"), CPU, DetectionConfig(0.0, 1.0))
    pictures = list(np.random.default_rng(0).integers(0, 255, (2, 40, 60, 3), np.uint8))
    for picture, found in zip(pictures, detector(pictures), strict=True):
        (alone,) = detector([picture])
        assert len(found) == len(alone) > 0
        assert np.allclose(alone.scores, found.scores, atol=1e-4)


def test_a_grey_model_finds_what_ultralytics_predicts_with_it(tmp_path):
    path = save(tiny_model(channels=1), tmp_path / "grey.pt")
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    assert_as_predicted(path, noise, DetectionConfig(0.0, 1.0, max_det=2000))


@pytest.mark.parametrize(
    ("size_hw", "imgsz", "side"),
    [
        ((180, 320), 1920, 320),
        ((180, 320), 640, 320),
        ((180, 321), 640, 352),
        ((1080, 1920), 1920, 1920),
        ((1080, 1920), 640, 640),
        ((2160, 3840), 1920, 1920),
        ((640, 960), 650, 672),
        ((1, 1), 640, 32),
        ((3000, 2), 16384, 3008),
        ((48, 64), 1, 32),
    ],
)
def test_a_picture_is_never_enlarged_beyond_its_size_in_whole_strides(size_hw, imgsz, side):
    assert side_for(size_hw, imgsz, 32) == side


def test_a_blank_picture_has_no_detections():
    blank = np.zeros((64, 96, 3), np.uint8)
    detector = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(conf=0.9))
    assert [len(found) for found in detector([blank, blank])] == [0, 0]
    assert detector([]) == []


@pytest.mark.parametrize("shape", [(2, 3000), (3000, 1), (1, 70_000), (1, 1)])
def test_thin_pictures_are_seen_and_boxes_lie_inside_them(shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    boxes = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(conf=0, max_det=5))([noise])[0].boxes_xyxy
    assert len(boxes) <= 5 and np.isfinite(boxes).all()
    assert boxes.min(initial=0) >= 0
    assert (boxes.max(axis=0, initial=0) <= np.array([*shape[::-1]] * 2)).all()


def test_boxes_lie_inside_the_picture_and_a_batch_of_any_sizes_finds_what_single_pictures_do():
    whole = read_picture(PICTURES[0])
    pictures = [whole, whole[:300, :400], np.ascontiguousarray(whole[:, ::-1]), whole[100:400, 200:600]]
    detector = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(conf=0.02))
    for picture, found in zip(pictures, detector(pictures), strict=True):
        height, width = picture.shape[:2]
        assert len(found) > 0
        assert (found.boxes_xyxy >= 0).all()
        assert (found.boxes_xyxy <= [width, height, width, height]).all()
        alone = detector([picture])[0]
        assert alone.class_ids.tolist() == found.class_ids.tolist()
        assert np.allclose(alone.boxes_xyxy, found.boxes_xyxy, atol=0.1)


def test_only_the_wanted_classes_are_found():
    picture = read_picture(PICTURES[0])
    everything = YoloDetector(DEMO_YOLO, CPU)
    name = everything.categories[int(everything([picture])[0].class_ids[0])]
    found = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(classes=(name,)))([picture])[0]
    assert {everything.categories[class_id] for class_id in found.class_ids.tolist()} == {name}
    first = everything.with_config(DetectionConfig(classes=(name,), max_det=1))([picture])[0]
    assert first.scores.tolist() == found.scores[:1].tolist()


def test_threads_with_settings_of_their_own_do_not_meet():
    picture = read_picture(PICTURES[0])
    configs = [
        DetectionConfig(imgsz=side, conf=conf, max_det=most)
        for side, conf, most in ((640, 0.25, 300), (960, 0.1, 50), (320, 0.5, 10), (416, 0.25, 3))
    ]
    model = YoloDetector(DEMO_YOLO, CPU)
    detectors = [model.with_config(config) for config in configs]
    alone = [detector([picture])[0] for detector in detectors]
    assert len({len(found) for found in alone}) > 2

    start = threading.Barrier(len(detectors))

    def look_again(detector):
        start.wait()
        return [detector([picture])[0] for _ in range(6)]

    with ThreadPoolExecutor(len(detectors)) as pool:
        for wanted, found in zip(alone, pool.map(look_again, detectors), strict=True):
            for one in found:
                assert one.class_ids.tolist() == wanted.class_ids.tolist()
                assert np.allclose(one.boxes_xyxy, wanted.boxes_xyxy, atol=0.05)


def test_detecting_leaves_pytorch_its_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        YoloDetector(DEMO_YOLO, CPU)([np.zeros((64, 96, 3), np.uint8)])
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_that_was_forked_off_after_use_goes_on(picture):
    detector = YoloDetector(DEMO_YOLO, CPU)
    large = np.tile(picture, (8, 8, 1))
    wanted = len(detector([large])[0])
    child = os.fork()
    if child == 0:
        threading.Timer(120, os._exit, [3]).start()
        os._exit(0 if len(detector([large])[0]) == wanted else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_foreign_or_damaged_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "yolo.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"yolo\.pt is "):
        YoloDetector(path, CPU)


def test_a_sam_is_not_a_detector(tiny_sam_file):
    with pytest.raises(CheckpointError, match="holds tensors and no model"):
        YoloDetector(tiny_sam_file, CPU)
