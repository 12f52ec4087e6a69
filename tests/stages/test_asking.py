"""Masks asked for before it is known who is who: the ones that are shown, stored, and replayed."""

import numpy as np
import pytest

from sav.data.masks import Masks
from sav.data.types import Detections, Frame
from sav.segmenter import Segmenter
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.store import Store
from sav.trackers import SavTracker, TrackerConfig
from tests.store.conftest import VIDEO
from tests.stubs import SIZE_HW, StubDetector, StubSam

WAYS = [(4, 22)] * 6 + [(15, 10)] + [(24, 6)] * 3  # where two are, frame by frame
FIRST = {left for left, _ in WAYS}


class CrossingDetector(StubDetector):
    """Sees two people, and for a while somebody else whom no track gets; pictures begin with their number."""

    def __call__(self, images_bgr):
        return [self.in_frame(int(image[0, 0, 0])) for image in images_bgr]

    def in_frame(self, number):
        lefts = [*WAYS[number], *([17] if number % 2 else [])]
        boxes = np.array([(left, 5, left + 20, 45) for left in lefts], np.float32)
        scores = np.array([0.9, 0.8, 0.2][: len(lefts)], np.float32)
        return Detections(boxes, scores, np.zeros(len(lefts), np.int64))


class HalvesSam(StubSam):
    """Of whoever comes first in a frame it sees the upper half, of all others the lower; counts prompts."""

    def __init__(self):
        super().__init__()
        self.prompted = []

    def masks_from_boxes(self, size_hw, boxes_xyxy):
        self.prompted.append([float(box[0]) for box in boxes_xyxy])
        dense = np.zeros((len(boxes_xyxy), *size_hw), np.bool_)
        for mask, (x0, y0, x1, y1) in zip(dense, boxes_xyxy.astype(int), strict=True):
            middle = (y0 + y1) // 2
            mask[slice(y0, middle) if x0 in FIRST else slice(middle, y1), x0:x1] = True
        return Masks.from_dense(dense)


@pytest.fixture
def frames():
    return [np.full((*SIZE_HW, 3), number, np.uint8) for number in range(len(WAYS))]


def scenes_of(frames, with_masks, sam=None, **options):
    tracker = SavTracker(TrackerConfig.of_type("sav", with_masks=with_masks), frame_rate=30)
    segmenter = Segmenter(CrossingDetector(), sam or HalvesSam(), regions=False)
    return list(segmenter.track(frames, tracker=tracker, **options))


@pytest.mark.parametrize("batch", [1, 3])
def test_no_box_is_prompted_twice_and_no_frame_embedded_twice(frames, batch):
    plain, asking = HalvesSam(), HalvesSam()
    without, scenes = (
        scenes_of(frames, with_masks, sam, batch=batch)
        for with_masks, sam in ((False, plain), ("auto", asking))
    )
    assert asking.embedded == plain.embedded == len(frames)
    for scene, other in zip(scenes[:6], without, strict=False):
        assert scene.objects == other.objects

    def prompts(sam):
        return sorted(left for some in sam.prompted for left in some)

    weak = sum(int(scene.candidates.shapes[2:].any()) for scene in scenes)
    assert weak > 0 and len(prompts(asking)) == len(prompts(plain)) + weak


def test_candidates_keep_the_shapes_that_were_asked_for(frames):
    assert scenes_of(frames, False)[3].candidates.shapes.shape[1] == 0
    scene = scenes_of(frames, "auto")[3]
    assert scene.candidates.shapes.any(1).all()
    assert len(scene.objects) == 2 and not scene.objects.masks.iou_matrix()[0, 1]


@pytest.mark.parametrize("count", [3, 7, 9])
def test_a_run_that_goes_on_out_of_a_store_finds_what_it_would_have_found(frames, tmp_path, count):
    whole = scenes_of(frames, "auto")
    with Store.create(tmp_path / "run.sqlite", VIDEO) as store:
        for scene in whole[:count]:
            store.add(scene)
    with Store.open(tmp_path / "run.sqlite") as store:
        stored = list(store.scenes())
    assert [scene.candidates for scene in stored] == [scene.candidates for scene in whole[:count]]
    again = scenes_of(frames, "auto", known=stored)
    assert [scene.objects for scene in again] == [scene.objects for scene in whole]


def test_what_runs_in_stages_asks_in_one_thread(frames):
    tracker = SavTracker(TrackerConfig.of_type("sav", with_masks="auto"), frame_rate=30)
    detector = CrossingDetector()
    cutter = Cutter(HalvesSam(), detector.categories)
    pictures = [Frame(image, index) for index, image in enumerate(frames)]
    scenes = list(stream(detector, cutter, pictures, tracker, batch=2, in_stages=True))
    assert [scene.objects for scene in scenes] == [scene.objects for scene in scenes_of(frames, "auto")]


def test_frames_that_come_one_by_one_are_asked_about_likewise(frames):
    sam = HalvesSam()
    tracker = SavTracker(TrackerConfig.of_type("sav", with_masks="auto"), frame_rate=30)
    tracking = Segmenter(CrossingDetector(), sam, regions=False).start_tracking(tracker)
    scenes = [tracking(frame) for frame in frames]
    assert [scene.objects for scene in scenes] == [scene.objects for scene in scenes_of(frames, "auto")]
