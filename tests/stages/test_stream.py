import threading
from fractions import Fraction

import numpy as np
import pytest

from sav.data.types import Detections, Frame
from sav.errors import VideoDamagedError
from sav.stages.lanes import Lane
from sav.stages.scenes import Cutter
from sav.stages.stream import stream
from sav.trackers import make_tracker
from tests.stubs import StubDetector, StubSam, picture

COUNT = 11


class MovingDetector(StubDetector):
    """Two boxes that walk from picture to picture, and nothing in the fifth; the picture says which it is."""

    def __call__(self, images_bgr):
        return [self.in_frame(int(image[0, 0, 0])) for image in images_bgr]

    def in_frame(self, index):
        if index == 4:
            return Detections.empty()
        step = np.array([index, 0, index, 0], np.float32)
        return Detections(self.found.boxes_xyxy + step / 2, self.found.scores, self.found.class_ids)


def frames(count=COUNT):
    for index in range(count):
        image = picture(0)
        image[0, 0, 0] = index
        yield Frame(image, index, f"{index}", Fraction(index, 30))


def scenes_of(in_stages, items=None, sam=None, detector=None, known=(), batch=2):
    detector = detector or MovingDetector()
    cutter = Cutter(sam or StubSam(), detector.categories)
    tracker = make_tracker("sav", frame_rate=30.0)
    items = frames() if items is None else items
    return stream(detector, cutter, items, tracker, batch, known, in_stages)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_stages_make_the_same_scenes_as_one_thread(batch):
    alone, in_stages = (list(scenes_of(how, batch=batch)) for how in (False, True))
    assert len(alone) == COUNT
    assert in_stages == alone
    assert len({track_id for scene in alone for track_id in scene.track_ids.tolist()}) == 2


@pytest.mark.parametrize("in_stages", [False, True])
def test_a_frame_without_objects_is_not_encoded(in_stages):
    sam = StubSam()
    assert len(list(scenes_of(in_stages, sam=sam))[4]) == 0
    assert sam.embedded == COUNT - 1


def test_no_frames_give_no_scenes():
    assert list(scenes_of(True, items=iter(()))) == []


@pytest.mark.parametrize("in_stages", [False, True])
@pytest.mark.parametrize("done", [2, 6, COUNT])
def test_what_is_known_is_handed_out_again_and_the_rest_is_as_it_would_have_been(in_stages, done):
    whole = list(scenes_of(False))
    sam = StubSam()
    again = list(scenes_of(in_stages, sam=sam, known=whole[:done]))
    assert again == whole
    assert sam.embedded == sum(len(scene) > 0 for scene in whole[done:])


def test_a_damaged_end_comes_after_all_frames_before_it():
    def damaged():
        yield from frames(5)
        raise VideoDamagedError("it ends here")

    seen = []
    with pytest.raises(VideoDamagedError, match="it ends here"):
        for scene in scenes_of(True, items=damaged()):
            seen.append(scene)
    assert [scene.frame.index for scene in seen] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("part", ["detector", "embed", "masks_from_boxes"])
def test_an_error_in_any_stage_comes_after_the_batches_before_it_and_ends_the_threads(part):
    before = threading.active_count()

    class Failing(MovingDetector):
        def in_frame(self, index):
            if index == 7:
                raise RuntimeError("broken")
            return super().in_frame(index)

    sam, calls = StubSam(), []
    if part != "detector":
        works = getattr(sam, part)

        def broken(*arguments):
            calls.append(arguments)
            if len(calls) == (4 if part == "embed" else 6):
                raise RuntimeError("broken")
            return works(*arguments)

        setattr(sam, part, broken)

    seen = []
    with pytest.raises(RuntimeError, match="broken"):
        for scene in scenes_of(True, sam=sam, detector=Failing() if part == "detector" else None):
            seen.append(scene)
    assert len(seen) == 6
    assert threading.active_count() == before


def test_closing_ends_the_threads_and_works_ahead_by_a_few_batches_only():
    before, asked = threading.active_count(), []

    def endless():
        for frame in frames(200):
            asked.append(frame.index)
            yield frame

    scenes = scenes_of(True, items=endless())
    assert next(scenes).frame.index == 0
    scenes.close()
    assert threading.active_count() == before
    assert len(asked) <= 14  # one batch cut out, and in hand or in the queue of two threads two each


def test_on_a_cpu_a_lane_changes_nothing():
    lane = Lane(StubSam.device)
    with lane():
        assert lane.mark() is None
    lane.after(None)
    lane.wait()
