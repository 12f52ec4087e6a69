"""Looks on their way: asked for by trackers that compare them, stored, and replayed when a run goes on."""

import copy

import numpy as np
import pytest

from sav.data.types import Detections
from sav.segmenter import Segmenter
from sav.store import Store
from tests.store.conftest import VIDEO
from tests.stubs import SIZE_HW, StubDetector, StubSam

COLOURS = np.array([[90, 0, 10], [0, 90, 10]], np.int8)
PRESENT = [0] * 6 + [None] * 40 + [1] * 6  # frames in which two are there, at first and in each other's place


class LookingDetector(StubDetector):
    """Sees two people who leave and come back in each other's place; pictures begin with their number."""

    looks_asked = False

    def with_looks(self):
        other = copy.copy(self)
        other.looks_asked = True
        return other

    def __call__(self, images_bgr):
        return [self._see(PRESENT[int(image[0, 0, 0])]) for image in images_bgr]

    def _see(self, place):
        looks = COLOURS if self.looks_asked else COLOURS[:, :0]
        if place is None:
            return Detections.empty()
        return Detections(
            self.found.boxes_xyxy[[place, 1 - place]], self.found.scores, self.found.class_ids, looks
        )


@pytest.fixture
def frames():
    return [np.full((*SIZE_HW, 3), number, np.uint8) for number in range(len(PRESENT))]


@pytest.fixture
def segmenter():
    return Segmenter(LookingDetector(), StubSam(), regions=False)


def ids_of(scenes):
    return [
        dict(zip(scene.track_ids.tolist(), scene.boxes_xyxy[:, 0].tolist(), strict=True)) for scene in scenes
    ]


def test_our_tracker_gets_looks_and_knows_who_comes_back_and_others_get_none(segmenter, frames):
    known, unknown = (ids_of(segmenter.track(frames, tracker=name)) for name in ("sav", "botsort"))
    assert known[5] == {1: 5.0, 2: 40.0} and known[-1] == {1: 40.0, 2: 5.0}
    assert set(unknown[-1]) == {3, 4}
    scene = next(segmenter.track(frames, tracker="botsort"))
    assert scene.candidates.looks.shape == (2, 0)


def test_a_detector_without_looks_is_taken_as_it_is(frames):
    scenes = list(Segmenter(StubDetector(), StubSam(), regions=False).track(frames[:5], tracker="sav"))
    assert scenes[-1].track_ids.tolist() == [1, 2]


@pytest.mark.parametrize("count", [3, 30, 48])
def test_a_run_that_goes_on_out_of_a_store_knows_what_it_would_have_known(segmenter, frames, tmp_path, count):
    whole = list(segmenter.track(frames, tracker="sav"))
    with Store.create(tmp_path / "run.sqlite", VIDEO) as store:
        for scene in whole[:count]:
            store.add(scene)
    with Store.open(tmp_path / "run.sqlite") as store:
        stored = list(store.scenes())
    assert [scene.candidates for scene in stored] == [scene.candidates for scene in whole[:count]]
    assert ids_of(segmenter.track(frames, tracker="sav", known=stored)) == ids_of(whole)
