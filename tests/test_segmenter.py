import copy
import json
import operator
import pickle
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import sav
from sav import (
    PICTURE_DETECTION,
    VIDEO_DETECTION,
    DetectionConfig,
    EverythingConfig,
    Frame,
    Instances,
    MaskConfig,
    Segmenter,
    SettingError,
    Tracking,
)
from sav.media.reader import open_video
from sav.stages.refine import RefineConfig
from tests.conftest import ROOT
from tests.stubs import SIZE_HW, StubDetector, StubSam, picture

STREET = ROOT / "TestImages" / "street.mp4"
PLAIN = picture()


@pytest.fixture
def segmenter():
    return Segmenter(StubDetector(), StubSam(), regions=False)


# Settings


def test_open_settings_mean_the_defaults_of_pictures_and_of_videos():
    detector = StubDetector()
    segmenter = Segmenter(detector, StubSam(), detect=DetectionConfig(classes="dog"), regions=False)
    segmenter(PLAIN)
    list(segmenter.track([PLAIN]))
    list(segmenter.track([PLAIN], detect=DetectionConfig(imgsz=64)))
    segmenter.start_tracking(detect=DetectionConfig(conf=0.4))(PLAIN)
    dogs = ("dog",)
    assert detector.configs == [
        replace(PICTURE_DETECTION, classes=dogs),
        replace(VIDEO_DETECTION, classes=dogs),
        replace(VIDEO_DETECTION, classes=dogs, imgsz=64),
        replace(VIDEO_DETECTION, classes=dogs, conf=0.4),
    ]


@pytest.mark.parametrize(
    ("wanted", "classes"),
    [("person", ("person",)), ([0, 16], (0, 16)), (np.int64(3), (3,)), (("a", 1), ("a", 1)), ((), ())],
)
def test_classes_are_given_as_one_or_several(wanted, classes):
    assert DetectionConfig(classes=wanted).classes == classes


@pytest.mark.parametrize(
    "settings",
    [
        {"conf": 25},
        {"conf": float("nan")},
        {"conf": "0.5"},
        {"iou": -0.1},
        {"imgsz": 0},
        {"imgsz": 100_000},
        {"imgsz": 10**23},
        {"imgsz": 640.0},
        {"max_det": 0},
        {"max_det": True},
        {"classes": 1.5},
        {"classes": [None]},
    ],
)
def test_a_setting_out_of_range_is_named(settings):
    with pytest.raises(ValueError, match=f"^{next(iter(settings))} must"):
        DetectionConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"points_per_side": 0},
        {"points_per_side": 8.0},
        {"points_per_batch": 0},
        {"predicted_iou_threshold": -1},
        {"stability_threshold": None},
        {"stability_offset": float("inf")},
        {"nms_threshold": "0.7"},
    ],
)
def test_a_setting_of_everything_that_is_out_of_range_is_named(settings):
    with pytest.raises(SettingError, match=f"^{next(iter(settings))} must"):
        EverythingConfig(**settings)


def test_how_everything_is_looked_for_holds_for_pictures_and_videos(monkeypatch):
    asked = []

    def segment_everything(sam, embedding, config, on_progress):
        asked.append(config)
        return Instances.empty(SIZE_HW)

    for stage in ("scenes", "regions.follower"):
        monkeypatch.setattr(f"sav.stages.{stage}.segment_everything", segment_everything)
    wanted = EverythingConfig(points_per_side=3, nms_threshold=1)
    segmenter = Segmenter(StubDetector(), StubSam(), everything=wanted)
    segmenter(PLAIN)
    list(segmenter.track([PLAIN], regions=True))
    assert asked == [wanted, wanted]
    assert segmenter.settings(for_video=False)["everything"]["points_per_side"] == 3
    assert "everything" not in Segmenter(StubDetector(), StubSam()).settings(for_video=False)


def test_files_are_for_load():
    with pytest.raises(TypeError, match=r"Segmenter\.load"):
        Segmenter("yolo.pt", "sam.pth")


def test_a_detector_of_ones_own_takes_no_settings():
    class Own:
        categories = {0: "person"}  # noqa: RUF012

        def __call__(self, images_bgr):
            return StubDetector()(images_bgr)

    segmenter = Segmenter(Own(), StubSam(), regions=False)
    assert len(segmenter(PLAIN)) == 2
    with pytest.raises(TypeError, match="with_config"):
        segmenter(PLAIN, detect=DetectionConfig(conf=0.5))


# Pictures


def test_every_form_of_a_picture_gives_the_same_scene(segmenter, tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), PLAIN)
    forms = [path, str(path), Frame(PLAIN, name="a.png"), Pillow.open(path)]
    first, *others = [segmenter(form) for form in forms]
    assert all(other == first for other in others)
    assert (segmenter(PLAIN).frame.image == first.frame.image).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([PLAIN], "segmenter.pictures"),
        (np.stack([PLAIN]), "segmenter.pictures"),
        (PLAIN[..., 0], "cvtColor"),
        (np.dstack([PLAIN, PLAIN[..., :1]]), "cvtColor"),
        (PLAIN.astype(np.float32), "uint8"),
        (PLAIN.transpose(2, 0, 1), r"\(H, W, 3\) BGR, not \(3, 60, 80\); .*transpose"),
        (torch.zeros(3, 60, 80), r"tensor\.permute"),
        (PLAIN[:0], r"empty, \(0, 80, 3\)"),
        (3, "int is no picture"),
    ],
)
def test_what_is_no_picture_is_answered_with_what_to_write(segmenter, wrong, message):
    for take in (segmenter, segmenter.prompts, segmenter.start_tracking()):
        with pytest.raises((TypeError, ValueError), match=message):
            take(wrong)


def test_a_frame_has_pixels_and_shows_itself_without_them():
    for wrong in (PLAIN[:, :0], PLAIN.transpose(2, 0, 1)):
        with pytest.raises(ValueError, match=r"image (is empty|must have shape \(H, W, 3\))"):
            Frame(wrong)
    assert repr(Frame(PLAIN, 3, "a.jpg", Fraction(1, 3))) == "<Frame 3 'a.jpg', 80x60, at 0.333 s>"


def test_a_folder_is_answered_with_what_to_write_and_works_as_pictures(segmenter, tmp_path):
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), PLAIN)
    with pytest.raises(IsADirectoryError, match=r"segmenter\.pictures"):
        segmenter(tmp_path)
    assert [scene.frame.name for scene in segmenter.pictures(tmp_path)] == ["a.png", "b.png"]
    batches = list(segmenter.pictures([tmp_path / "b.png", PLAIN, PLAIN], batch=2))
    assert [scene.frame.index for scene in batches] == [0, 1, 2]
    assert not any(scene.is_tracked for scene in batches)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_boxes_of_ones_own_take_the_detectors_place(segmenter, count):
    boxes = [[2, 2, 20, 30]] * count
    scene = segmenter(PLAIN, boxes_xyxy=boxes, class_ids=[1] * count)
    assert segmenter.detector.configs == []
    assert scene.class_names == ["dog"] * count
    assert scene.scores.tolist() == [1] * count
    assert scene.masks.areas.tolist() == [18 * 28] * count


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"boxes_xyxy": [[5, 5, 5, 9]]}, "right and bottom"),
        ({"boxes_xyxy": [[0, 0, np.nan, 9]]}, "finite"),
        ({"boxes_xyxy": [[0, 0, 9, 9], [-50, -50, -10, 0]]}, "outside the picture, 80x60"),
        ({"boxes_xyxy": [[80, 0, 90, 9]]}, "outside the picture"),
        ({"boxes_xyxy": [[0, 0, 9, 9]], "class_ids": [7]}, r"\[7\]"),
        ({"boxes_xyxy": [[0, 0, 9, 9]], "class_ids": [0, 1]}, "class_ids"),
    ],
)
def test_boxes_that_make_no_sense_are_refused(segmenter, given, message):
    with pytest.raises(ValueError, match=message):
        segmenter(PLAIN, **given)


# Duplicates and doubtful masks


def test_of_objects_of_a_class_with_the_same_mask_the_surest_stays():
    boxes = [(5, 5, 25, 25), (5, 5, 25, 24), (5, 6, 25, 25), (40, 10, 70, 50)]
    segmenter = Segmenter(StubDetector(boxes, [0, 0, 1, 0]), StubSam(), regions=False)
    scene = segmenter(PLAIN)
    assert scene.boxes_xyxy[:, 3].tolist() == [25, 25, 50]
    assert scene.class_ids.tolist() == [0, 1, 0]
    assert (scene.track_ids.tolist(), scene.duplicates) == ([1, 2, 3], 1)
    assert len(segmenter(PLAIN, masks=MaskConfig(duplicate_iou=1))) == 4


def test_in_a_video_the_object_that_was_followed_first_stays():
    near, moved = (5, 5, 45, 45), (8, 5, 48, 45)
    detector = StubDetector([near, moved], scores=[0.7, 0.9])
    segmenter = Segmenter(detector, StubSam(), regions=False)
    both = list(segmenter.track([PLAIN] * 3, masks=MaskConfig(duplicate_iou=1)))
    scenes = list(segmenter.track([PLAIN] * 3))
    assert [len(scene) for scene in both] == [2, 2, 2]
    assert [scene.track_ids.tolist() for scene in scenes] == [[1]] * 3
    assert [scene.duplicates for scene in scenes] == [1] * 3


def test_empty_masks_are_never_duplicates():
    segmenter = Segmenter(StubDetector([(5, 5, 25, 25)] * 2), StubSam(empty=(0, 1)), regions=False)
    assert len(segmenter(PLAIN)) == 2


def test_a_mask_that_is_empty_or_mostly_outside_its_box_is_doubtful():
    boxes = [(5, 5, 25, 25), (40, 10, 50, 50)]
    assert Segmenter(StubDetector(boxes), StubSam(empty=(0,)), regions=False)(PLAIN).doubtful.tolist() == [
        True,
        False,
    ]
    shifted = Segmenter(StubDetector(boxes), StubSam(shift_xy=(6, 0)), regions=False)(PLAIN)
    assert shifted.doubtful.tolist() == [False, True]
    assert [instance.is_doubtful for instance in shifted] == [False, True]


# Scenes as data


def test_a_scene_is_gone_through_object_by_object(segmenter):
    scene = segmenter(PLAIN)
    first, second = scene
    assert (first, second) == (scene[0], scene[-1])
    assert (second.track_id, second.class_name, second.is_doubtful) == (2, "person", False)
    assert second.mask.shape == scene.size_hw
    assert second.mask.sum() == scene.masks.areas[1]
    assert len(repr(first)) < 100
    with pytest.raises(IndexError):
        scene[2]
    with pytest.raises(TypeError, match=r"scene\[np\.array"):
        scene["person"]


def test_a_scene_is_compared_by_content_copied_and_pickled(segmenter):
    scene = segmenter(PLAIN)
    assert scene == segmenter(PLAIN)
    assert scene != segmenter(picture(1))
    assert scene != scene[:1]
    assert scene != 1
    for twin in (copy.deepcopy(scene), pickle.loads(pickle.dumps(scene))):
        assert twin == scene
        assert twin.class_names == scene.class_names


def test_a_scene_shows_itself_in_short(segmenter):
    assert (
        repr(replace(segmenter(PLAIN), frame=Frame(PLAIN, name="a.jpg")))
        == "<Scene 'a.jpg', 80x60: 2 person>"
    )
    assert repr(segmenter(PLAIN)[:0]) == "<Scene 0, 80x60: no objects>"


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_scene_gives_json_and_a_table(segmenter, count):
    scene = segmenter(PLAIN)[:count]
    table = json.loads(scene.to_json())
    assert (table["height"], table["width"], len(table["objects"])) == (60, 80, count)
    pandas = pytest.importorskip("pandas")
    frame = scene.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame["track_id"].tolist() == scene.track_ids.tolist()
    assert list(frame.columns)[:4] == ["name", "frame", "seconds", "track_id"]


def test_objects_are_cut_out(segmenter):
    crops = segmenter(PLAIN).crops()
    assert [crop.shape for crop in crops] == [(20, 20, 4), (40, 30, 4)]
    assert all((crop[..., 3] == 255).all() for crop in crops)


def test_a_scene_is_saved_as_a_picture(segmenter, tmp_path):
    path = segmenter(PLAIN).save(tmp_path / "a.png")
    assert (cv2.imread(str(path)) == segmenter(PLAIN).overlay()).all()
    with pytest.raises(ValueError, match="to_json"):
        segmenter(PLAIN).save(tmp_path / "a.csv")


# Videos


def test_the_callers_own_frames_are_followed(segmenter):
    frames = np.stack([picture(seed) for seed in range(3)])
    for source in (frames, list(frames), (frame for frame in frames)):
        scenes = list(segmenter.track(source, frame_rate=10))
        assert [scene.frame.index for scene in scenes] == [0, 1, 2]
        assert scenes[2].frame.time == Fraction(1, 5)
        assert all(scene.is_tracked and len(scene) == 2 for scene in scenes)


def test_a_video_is_refined_on_its_way(segmenter):
    frames = [picture(seed) for seed in range(12)]
    found = list(segmenter.track(frames, frame_rate=5))
    refined = list(segmenter.track(frames, frame_rate=5, refine=RefineConfig()))
    assert [scene.frame.index for scene in refined] == list(range(12))
    assert [scene.track_ids.tolist() for scene in refined] == [[1, 2]] * 12
    assert all(a.masks == b.masks for a, b in zip(found, refined, strict=True))


def test_frames_are_handed_in_one_by_one(segmenter):
    tracking = segmenter.start_tracking("bytetrack", frame_rate=25)
    assert isinstance(tracking, Tracking)
    scenes = [tracking(picture(seed)) for seed in range(3)]
    assert [scene.track_ids.tolist() for scene in scenes] == [[1, 2]] * 3
    assert [scene.frame.time for scene in scenes] == [0, Fraction(1, 25), Fraction(2, 25)]
    assert scenes == list(segmenter.track([picture(seed) for seed in range(3)], frame_rate=25))
    assert repr(tracking) == "<Tracking at 25 frames/s, after 3 frames>"


def test_a_track_has_a_length_where_that_is_known(segmenter):
    with segmenter.track(STREET, end=4) as scenes:
        assert len(scenes) == 4
        assert repr(scenes) == "<VideoScenes of street.mp4, 768x432, 15 frames/s>"
        assert scenes.info.size_hw == next(scenes).size_hw
    frames = segmenter.track(picture(seed) for seed in range(2))
    with pytest.raises(TypeError, match="nobody knows"):
        len(frames)
    assert operator.length_hint(frames, 7) == 7
    assert len(list(frames)) == 2


def test_the_source_is_let_go_before_the_first_frame_and_once(segmenter, monkeypatch):
    from sav.media.stream import StreamReader

    closed = []
    close = StreamReader.close
    monkeypatch.setattr(StreamReader, "close", lambda self: (closed.append(self), close(self)))
    scenes = segmenter.track(STREET, end=6)
    scenes.close()
    scenes.close()
    with segmenter.track(STREET, end=6):
        pass
    with open_video(STREET, end=1) as reader:
        segmenter.track(reader).close()
        assert len(closed) == 2
        assert len(list(reader)) == 1


def test_a_frame_without_objects_is_not_encoded():
    segmenter = Segmenter(StubDetector([]), StubSam(), regions=False)
    assert [len(scene) for scene in segmenter.track([PLAIN] * 2, batch=2)] == [0, 0]
    assert segmenter.sam.embedded == 0


def test_the_package_shows_public_names_alone():
    assert {"CheckpointError", "VideoDamagedError", "open_video", "Frame", "Masks", "VIDEO_DETECTION"} <= set(
        dir(sav)
    )
    assert not [name for name in dir(sav) if name.startswith("_") and name != "__version__"]
    assert all(hasattr(sav, name) for name in dir(sav))
