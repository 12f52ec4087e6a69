import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from sav.checkpoints import CheckpointError
from sav.config import DetectionConfig
from sav.detect import Detector, resolve_classes
from sav.media.pictures import read_picture
from tests.conftest import DEMO_YOLO, ROOT, SHARED

CPU = torch.device("cpu")
COCO_LIKE = {0: "person", 1: "bicycle", 2: "traffic light", 7: "Truck"}
REAL_YOLO = SHARED / "weights" / "yolov8n.pt"


def test_classes_are_found_by_name_in_any_case_or_by_id():
    assert resolve_classes(["Truck", "PERSON", "1", "person"], COCO_LIKE) == [0, 1, 7]
    assert resolve_classes([], COCO_LIKE) is None


def test_an_unknown_class_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="no class 'trafic lite'; the nearest is 'traffic light'"):
        resolve_classes(["trafic lite"], COCO_LIKE)


def test_an_unknown_class_id_is_answered_with_the_range():
    with pytest.raises(ValueError, match="ids go from 0 to 7"):
        resolve_classes(["99"], COCO_LIKE)


def test_a_blank_picture_has_no_detections():
    blank = np.zeros((64, 96, 3), np.uint8)
    detector = Detector(DEMO_YOLO, CPU, DetectionConfig(conf=0.9))
    assert [len(found) for found in detector([blank, blank])] == [0, 0]
    assert detector([]) == []


def test_detecting_leaves_pytorch_its_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        Detector(DEMO_YOLO, CPU)([np.zeros((64, 96, 3), np.uint8)])
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_boxes_lie_inside_the_picture_and_a_batch_finds_what_single_pictures_do():
    pictures = [read_picture(path) for path in sorted((ROOT / "TestImages").glob("*.*g"))[:2]]
    detector = Detector(DEMO_YOLO, CPU)
    batch = detector(pictures)
    for picture, found in zip(pictures, batch, strict=True):
        height, width = picture.shape[:2]
        assert len(found) > 0
        assert (found.boxes_xyxy >= 0).all()
        assert (found.boxes_xyxy <= [width, height, width, height]).all()
        alone = detector([picture])[0]
        assert alone.class_ids.tolist() == found.class_ids.tolist()
        assert np.allclose(alone.boxes_xyxy, found.boxes_xyxy, atol=0.1)


@pytest.mark.parametrize("shape", [(2, 3000), (3000, 1), (1, 70_000), (1, 1)])
def test_thin_pictures_are_seen_and_boxes_lie_inside_them(shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    detector = Detector(DEMO_YOLO, torch.device("cpu"), DetectionConfig(conf=0, max_det=5))
    boxes = detector([noise])[0].boxes_xyxy
    assert len(boxes) <= 5
    assert boxes.min(initial=0) >= 0
    assert (boxes.max(axis=0, initial=0) <= np.array([*shape[::-1]] * 2)).all()


def test_only_the_wanted_classes_are_found():
    picture = read_picture(sorted((ROOT / "TestImages").glob("*.*g"))[0])
    everything = Detector(DEMO_YOLO, CPU)
    name = everything.categories[int(everything([picture])[0].class_ids[0])]
    found = Detector(DEMO_YOLO, CPU, DetectionConfig(classes=(name,)))([picture])[0]
    assert {everything.categories[class_id] for class_id in found.class_ids.tolist()} == {name}


@pytest.mark.skipif(not REAL_YOLO.exists(), reason="needs the real YOLOv8n weights")
def test_real_weights_find_what_is_known_to_be_in_a_photograph():
    detector = Detector(REAL_YOLO, CPU)
    found = detector([read_picture(SHARED / "media" / "dog.jpg")])[0]
    names = [detector.categories[class_id] for class_id in found.class_ids.tolist()]
    assert sorted(names) == ["bowl", "chair", "dog", "person"]
    assert found.scores.round(1).tolist() == pytest.approx([0.9, 0.9, 0.9, 0.6])


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_a_foreign_or_damaged_file_is_one_clear_error(tmp_path, content):
    path = tmp_path / "yolo.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"yolo\.pt cannot be used as a detector"):
        Detector(path, CPU)


def test_a_sam_is_not_a_detector(tiny_sam_file):
    with pytest.raises(CheckpointError, match=r"end in \.pt"):
        Detector(tiny_sam_file, CPU)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'sprung')!r}, 'w')",)

    torch.save({"model": Trap()}, tmp_path / "yolo.pt")
    with pytest.raises(CheckpointError):
        Detector(tmp_path / "yolo.pt", CPU)
    assert not (tmp_path / "sprung").exists()


def test_ultralytics_leaves_the_users_folder_alone_and_never_reports_home(tmp_path):
    script = (
        "import torch, numpy as np; from pathlib import Path; from sav.detect import Detector;"
        f"Detector(Path({str(DEMO_YOLO)!r}), torch.device('cpu'))([np.zeros((64, 64, 3), np.uint8)]);"
        "from ultralytics.utils import ONLINE, AUTOINSTALL; from ultralytics.utils.events import events;"
        "print(ONLINE, AUTOINSTALL, events.enabled)"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    for name in ("YOLO_CONFIG_DIR", "YOLO_OFFLINE", "YOLO_AUTOINSTALL"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False", "False"]
    assert [str(path) for path in home.rglob("*ltralytics*")] == []
