"""Slices of large pictures: where they lie, and that what several of them show is one object."""

import copy

import numpy as np
import pytest

from sav import DetectionConfig, Segmenter
from sav.data.types import Detections
from sav.detectors.sliced import Sliced, joined, slices_of
from sav.errors import SettingError
from tests.conftest import DEMO_YOLO, ROOT
from tests.stubs import StubSam
from tools.world.small_objects import look, make_mosaic

WHOLE = (0, 0, 100, 50)
LEFT, RIGHT = (0, 0, 60, 50), (40, 0, 100, 50)


class Seer:
    """Knows where objects are in a large picture, and sees in each slice what of them is in it."""

    categories = {0: "person", 1: "dog"}  # noqa: RUF012

    def __init__(self, objects, least=4):
        self.objects, self.least, self.sizes = np.array(objects, np.float32).reshape(-1, 4), least, []

    def with_config(self, config):
        return copy.copy(self)

    def __call__(self, images_bgr):
        return [self._seen(image) for image in images_bgr]

    def _seen(self, image):
        """Pixels say where they come from: blue is the column, green the row."""
        self.sizes.append(image.shape[:2])
        x0, y0 = image[0, 0, :2]
        x1, y1 = image[-1, -1, :2].astype(int) + 1
        scale = image.shape[1] / (x1 - x0)
        boxes = np.clip(self.objects, [x0, y0, x0, y0], [x1, y1, x1, y1]) - [x0, y0, x0, y0]
        boxes = (boxes * scale)[(boxes[:, 2:] - boxes[:, :2]).min(axis=1) * scale >= self.least]
        scores = np.linspace(0.9, 0.5, len(boxes))
        return Detections(boxes.astype(np.float32), scores.astype(np.float32), np.zeros(len(boxes), np.int64))


def map_picture(width=200, height=120):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def pieces(*rows):
    boxes = np.array([row[:4] for row in rows], np.float32).reshape(-1, 4)
    scores = np.array([row[4] for row in rows], np.float32)
    return Detections(boxes, scores, np.array([row[5] for row in rows], np.int64))


def join(whole=(), left=(), right=()):
    found, shown_by = joined(
        [pieces(*some) for some in (whole, left, right)], np.float32([WHOLE, LEFT, RIGHT])
    )
    return found.boxes_xyxy.tolist(), [round(score, 2) for score in found.scores.tolist()], shown_by.tolist()


@pytest.mark.parametrize(
    ("size_hw", "slice_wh", "overlap", "count"),
    [
        ((2160, 3840), (640, 640), 0.2, 8 * 4),
        ((100, 100), (100, 100), 0.2, 1),
        ((50, 100), (640, 640), 0.2, 1),
        ((100, 101), (100, 100), 0.0, 2),
        ((64, 1000), (64, 64), 0.8, 73),
    ],
)
def test_slices_cover_the_picture_and_overlap(size_hw, slice_wh, overlap, count):
    slices = slices_of(size_hw, slice_wh, overlap)
    assert len(slices) == count
    seen = np.zeros(size_hw, np.bool_)
    for x0, y0, x1, y1 in slices.tolist():
        assert (x1 - x0, y1 - y0) == (min(slice_wh[0], size_hw[1]), min(slice_wh[1], size_hw[0]))
        seen[y0:y1, x0:x1] = True
    assert seen.all()
    lefts = np.unique(slices[:, 0])
    assert (np.diff(lefts) <= slice_wh[0] - int(overlap * slice_wh[0])).all()


def test_an_object_that_two_slices_see_whole_is_one():
    assert join(left=[(44, 10, 54, 20, 0.8, 0)], right=[(4, 10, 14, 20, 0.9, 0)]) == (
        [[44, 10, 54, 20]],
        [0.9],
        [2],
    )


def test_pieces_that_a_border_cuts_are_put_together():
    boxes, scores, _ = join(left=[(30, 10, 60, 20, 0.8, 0)], right=[(0, 11, 40, 20, 0.6, 0)])
    assert (boxes, scores) == ([[30, 10, 80, 20]], [0.8])


def test_a_piece_gives_way_to_the_whole_however_sure_it_is():
    whole = [(10, 5, 95, 45, 0.5, 0)]
    assert join(whole, [(10, 5, 60, 45, 0.9, 0)], [(0, 5, 55, 45, 0.9, 0)]) == ([[10, 5, 95, 45]], [0.5], [0])
    assert join(left=[(44, 10, 60, 20, 0.9, 0)], right=[(4, 10, 24, 20, 0.4, 0)])[0] == [[44, 10, 64, 20]]


def test_what_stands_before_a_larger_object_or_is_of_another_class_stays():
    boxes, _, _ = join([(0, 0, 90, 50, 0.9, 0)], [(20, 20, 30, 40, 0.8, 0)])
    assert boxes == [[0, 0, 90, 50], [20, 20, 30, 40]]
    assert len(join([(44, 10, 54, 20, 0.8, 0)], [(44, 10, 54, 20, 0.9, 1)])[0]) == 2
    assert (
        len(join([], [(44, 10, 54, 20, 0.8, 0), (44, 10, 54, 21, 0.7, 0)])[0]) == 2
    )  # one slice's own affair
    assert join()[0] == []


def test_each_object_is_found_once_wherever_slices_end():
    rng = np.random.default_rng(0)
    corners = np.array([(x, y) for x in range(4, 190, 24) for y in range(4, 110, 24)]) + rng.integers(
        0, 8, (40, 2)
    )
    small = np.hstack([corners, corners + rng.integers(6, 12, (40, 2))])
    large = np.array([[2, 50, 150, 62]])
    detector = Sliced(
        Seer(np.vstack([small, large])), DetectionConfig(imgsz=64, slices="64x64", slice_overlap=0.25)
    )
    (found,) = detector([map_picture()])
    wanted = np.vstack([small, large])
    assert len(found) == len(wanted)
    assert np.abs(found.boxes_xyxy[:, None] - wanted).max(axis=-1).min(axis=0).max() <= 1


def test_slices_are_enlarged_to_the_side_that_the_detector_sees():
    seer = Seer([[100, 50, 103, 52]])
    (found,) = Sliced(seer, DetectionConfig(imgsz=256, slices="auto"))([map_picture()])
    assert found.boxes_xyxy.tolist() == [[100, 50, 103, 52]]
    detector = Sliced(seer, DetectionConfig(imgsz=256, slices="auto"))
    detector([map_picture()])
    assert set(detector.detector.sizes) == {(120, 200), (240, 256)}


def test_without_slices_or_where_one_holds_all_pictures_are_seen_as_they_are():
    seer = Seer([[100, 50, 103, 52]], least=1)
    for config in (
        DetectionConfig(),
        DetectionConfig(slices="640x640"),
        DetectionConfig(slices="auto", imgsz=640),
    ):
        (found,) = Sliced(seer, config)([map_picture()])
        assert found.boxes_xyxy.tolist() == [[100, 50, 103, 52]]


def test_a_segmenter_slices_pictures_and_videos_where_it_is_told_to():
    picture = map_picture()
    segmenter = Segmenter(Seer([[100, 50, 112, 62]], least=20), StubSam(), regions=False)
    slices = DetectionConfig(slices=(64, 64), imgsz=128)
    assert len(segmenter(picture)) == 0
    assert len(segmenter(picture, detect=slices)) == 1
    scenes = list(segmenter.track([picture] * 3, detect=slices))
    assert [scene.track_ids.tolist() for scene in scenes] == [[1]] * 3


@pytest.mark.parametrize(
    "wrong", ["640", "axb", (640,), (640, 640, 3), "10x640", 640, (640.5, 640), "640x99999"]
)
def test_slices_that_are_none_are_refused(wrong):
    with pytest.raises(SettingError, match="slices must"):
        DetectionConfig(slices=wrong)
    assert DetectionConfig(slices="640X320").slices == (640, 320)


@pytest.mark.long
def test_small_objects_are_found_in_slices_once_each():
    mosaic = make_mosaic(ROOT / "TestImages", (960, 640))
    plain, sliced = (
        look(mosaic, DEMO_YOLO, DetectionConfig(imgsz=640, max_det=1000, slices=slices))
        for slices in (None, "auto")
    )
    assert sliced.recall >= max(0.65, 2 * plain.recall)
    assert sliced.border_doubles == 0


@pytest.mark.slow
def test_small_objects_of_a_4k_picture_are_found_in_slices_once_each():
    mosaic = make_mosaic(ROOT / "TestImages")
    plain, sliced = (
        look(mosaic, DEMO_YOLO, DetectionConfig(imgsz=640, max_det=10_000, slices=slices))
        for slices in (None, "auto")
    )
    assert sliced.recall >= max(0.7, 2 * plain.recall)
    assert sliced.border_doubles == 0


def test_what_objects_look_like_comes_along():
    looks = [np.full((count, 2), count, np.int8) for count in (0, 1, 2)]
    parts = [
        pieces(),
        pieces((44, 10, 54, 20, 0.8, 0)),
        pieces((30, 10, 40, 20, 0.7, 0), (4, 10, 14, 20, 0.6, 0)),
    ]
    seen = [
        Detections(part.boxes_xyxy, part.scores, part.class_ids, look) if len(part) else Detections.empty()
        for part, look in zip(parts, looks, strict=True)
    ]
    found, _ = joined(seen, np.float32([WHOLE, LEFT, RIGHT]))
    assert found.looks.tolist() == [[1, 1], [2, 2]]
