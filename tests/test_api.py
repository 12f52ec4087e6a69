import pickle
import subprocess
import sys
from fractions import Fraction

import cv2
import numpy as np
import pytest

import sav
from sav import DetectionConfig, Scene, Segmenter, Tracker
from sav.errors import VideoError
from sav.media.reader import open_video
from sav.trackers import make_tracker
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT

DOGS = ROOT / "TestImages" / "dogs.jpg"
STREET = ROOT / "TestImages" / "street.mp4"
SMALL = DetectionConfig(conf=0.1, imgsz=416)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(DEMO_YOLO, DEMO_SAM, device="cpu", detect=SMALL, regions=False)


def test_importing_the_package_does_not_import_torch():
    script = "import sys, sav; sav.DetectionConfig(); print('torch' in sys.modules, dir(sav))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("False")
    assert all(name in done.stdout for name in sav.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Segmentor'"):
        _ = sav.Segmentor


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "sav" / "py.typed").exists()


def test_a_path_and_its_picture_give_the_same_scene(segmenter):
    by_path = segmenter(str(DOGS))
    by_picture = segmenter(cv2.imread(str(DOGS)))
    assert isinstance(by_path, Scene)
    assert by_path.frame.name == "dogs.jpg"
    assert len(by_path) == len(by_picture) > 0
    assert (by_path.masks.packed == by_picture.masks.packed).all()


def test_a_segmenter_can_be_sent_to_another_process(segmenter):
    assert pickle.loads(pickle.dumps(segmenter))(DOGS) == segmenter(DOGS)


def test_a_scene_gives_everything_about_its_objects(segmenter):
    scene = segmenter(DOGS)
    count, (height, width) = len(scene), scene.size_hw
    assert scene.boxes_xyxy.shape == (count, 4)
    assert scene.scores.shape == scene.class_ids.shape == scene.track_ids.shape == (count,)
    assert "dog" in scene.class_names
    assert scene.masks.dense().shape == (count, height, width)
    assert [rle["size"] for rle in scene.masks.rles()] == [[height, width]] * count
    assert len(scene.polygons()) == count
    assert scene.polygons()[0][0].shape[1] == 2
    overlay = scene.overlay()
    assert overlay.shape == scene.frame.image.shape
    assert (overlay != scene.frame.image).any()


def test_objects_are_picked_by_a_boolean_mask(segmenter):
    scene = segmenter(DOGS)
    dogs = scene[np.array(scene.class_names) == "dog"]
    assert 0 < len(dogs) < len(scene)
    assert set(dogs.class_names) == {"dog"}
    assert len(dogs.masks) == len(dogs.scores) == len(dogs)
    assert len(scene[:0]) == 0


@pytest.mark.parametrize("chosen", [slice(None), slice(0, 0)])
def test_supervision_takes_the_objects(segmenter, chosen):
    supervision = pytest.importorskip("supervision")
    scene = segmenter(DOGS)[chosen]
    found = scene.to_supervision()
    assert isinstance(found, supervision.Detections)
    assert len(found) == len(scene)
    assert (found.mask == scene.masks.dense()).all()
    assert list(found.data["class_name"]) == scene.class_names
    assert (found.tracker_id == scene.track_ids).all()
    annotated = supervision.MaskAnnotator().annotate(scene.frame.image.copy(), found)
    assert (annotated != scene.frame.image).any() == bool(len(scene))


def test_a_video_is_followed_frame_by_frame(segmenter):
    scenes = list(segmenter.track(str(STREET), tracker="bytetrack", start="2", end="5"))
    assert [scene.frame.index for scene in scenes] == [0, 1, 2]
    assert all(scene.is_tracked for scene in scenes)
    assert scenes[0].frame.time > 0
    assert set(scenes[0].track_ids) & set(scenes[2].track_ids)
    assert scenes[0].overlay().shape == scenes[0].frame.image.shape


@pytest.mark.long
def test_a_reader_and_a_tracker_of_ones_own_give_the_same(segmenter):
    with open_video(STREET, end=4, stride=2) as reader:
        tracker: Tracker = make_tracker("botsort", frame_rate=float(reader.frame_rate))
        own = list(segmenter.track(reader, tracker=tracker))
    named = list(segmenter.track(STREET, end=4, stride=2, batch=2))
    assert [scene.track_ids.tolist() for scene in own] == [scene.track_ids.tolist() for scene in named]
    assert [scene.frame.time for scene in own] == [scene.frame.time for scene in named]
    assert own[1].frame.time - own[0].frame.time > Fraction(1, 30)


def test_the_source_is_let_go_when_one_stops_early(segmenter, monkeypatch):
    from sav.media.stream import StreamReader

    closed = []
    close = StreamReader.close
    monkeypatch.setattr(StreamReader, "close", lambda self: (closed.append(self), close(self)))
    scenes = segmenter.track(STREET, end=6)
    next(scenes)
    assert not closed
    scenes.close()
    assert closed


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"source": "nowhere.mp4"}, FileNotFoundError, "nowhere.mp4"),
        ({"source": DOGS.with_suffix(".txt")}, FileNotFoundError, "dogs.txt"),
        ({"source": STREET, "tracker": "deepsort"}, FileNotFoundError, "deepsort"),
        ({"source": STREET, "start": "100000"}, VideoError, "ends before the start"),
        ({"source": STREET, "start": 0.1}, ValueError, "'0.1s'"),
        ({"source": 97}, FileNotFoundError, "camera 97"),
        ({"source": np.zeros((4, 4, 3), np.uint8)}, ValueError, "T, H, W, 3"),
    ],
)
def test_what_cannot_be_tracked_is_an_error_at_once(segmenter, arguments, error, message):
    with pytest.raises(error, match=message):
        segmenter.track(**arguments)


def test_a_missing_picture_is_an_error(segmenter):
    with pytest.raises(OSError, match=r"nowhere\.jpg"):
        segmenter("nowhere.jpg")
