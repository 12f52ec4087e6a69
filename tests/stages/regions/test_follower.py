"""Regions keep their ids, from frame to frame, behind what passes, and over what SAM finds anew."""

from dataclasses import replace

import numpy as np
import pytest

from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import FIRST_REGION_ID, Frame
from sav.stages.regions import RegionFollower, follower
from tests.stages.regions.test_motion import boxes, texture
from tests.stubs import StubSam

FIRST = FIRST_REGION_ID
HOUSE, TREE = (20, 20, 60, 80), (90, 30, 130, 90)
# Everything is asked for in every fourth frame, and what is hidden is remembered for eight.
RATE = 4


class Street:
    """A picture that moves to the right, with boxes in it that SAM finds wherever they are by then."""

    def __init__(self, monkeypatch, speed=2):
        self.image, self.speed = texture(), speed
        self.asked = []
        self.follower = RegionFollower(StubSam(), RATE)
        monkeypatch.setattr(follower, "segment_everything", self._everything)

    def _everything(self, sam, embedding, config, on_progress):
        self.asked.append(self.number)
        masks = boxes(*self.found)
        return Instances.unlabelled(masks, np.full(len(masks), 0.9, np.float32), np.arange(len(masks)))

    def at(self, number, *places):
        """Boxes where they are by a frame."""
        return [(x0 + number * self.speed, y0, x1 + number * self.speed, y1) for x0, y0, x1, y1 in places]

    def frame(self, number, seed=None):
        image = self.image if seed is None else texture(seed)
        return Frame(np.roll(image, number * self.speed, 1), number)

    def show(self, number, *places, objects=(), seed=None):
        self.number, self.found = number, self.at(number, *places)
        frame = self.frame(number, seed)
        return self.follower(frame, frame.size_hw, boxes(*objects))


@pytest.fixture
def street(monkeypatch):
    return Street(monkeypatch)


def test_regions_move_with_the_picture_under_their_ids_and_all_is_asked_for_now_and_then(street):
    for number in range(10):
        regions = street.show(number, HOUSE, TREE)
        assert regions.ids.tolist() == [FIRST, FIRST + 1]
        assert regions.masks == boxes(*street.at(number, HOUSE, TREE))
        assert regions.scores.tolist() == pytest.approx([0.9, 0.9])
    assert street.asked == [0, 4, 8]


def test_what_is_found_later_gets_an_id_of_its_own(street):
    for number in range(4):
        assert street.show(number, HOUSE).ids.tolist() == [FIRST]
    assert street.show(4, HOUSE, TREE).ids.tolist() == [FIRST, FIRST + 1]


def test_what_sam_does_not_find_again_is_not_shown_until_it_does(street):
    for number in range(12):
        ids = street.show(number, *([TREE] if 4 <= number < 8 else [HOUSE, TREE])).ids.tolist()
        assert ids == ([FIRST + 1] if 4 <= number < 8 else [FIRST, FIRST + 1])


def test_what_sam_does_not_find_behind_an_object_stays(street):
    objects = [(20, 20, 60, 60)]
    street.show(0, HOUSE, TREE)
    for number in range(1, 6):
        assert street.show(number, TREE, objects=objects).ids.tolist() == [FIRST, FIRST + 1]


def test_the_largest_comes_first_and_doubles_and_small_ones_are_left_out(street):
    regions = street.show(0, (5, 5, 10, 10), TREE, (90, 30, 130, 88), (20, 20, 60, 90))
    assert regions.masks == boxes((20, 20, 60, 90), TREE)
    assert regions.ids.tolist() == [FIRST, FIRST + 1]


def test_a_region_behind_an_object_that_passes_is_the_same_afterwards(street):
    gone = 0
    for number in range(14):
        left = 10 * number - 60
        objects = [(max(left, 0), 10, left + 60, 90)] if left + 60 > 0 else []
        regions = street.show(number, *([] if 4 <= number < 9 else [HOUSE]), objects=objects)
        assert set(regions.ids.tolist()) <= {FIRST}
        gone += not len(regions)
        assert not (regions.masks.union() & boxes(*objects).union()).any()
    assert gone > 1
    assert regions.masks == boxes(*street.at(13, HOUSE)).without(boxes(*objects).union())


def test_what_is_hidden_for_long_is_forgotten(street):
    street.show(0, HOUSE)
    for number in range(1, 12):
        assert not len(street.show(number, objects=[(0, 0, 160, 120)]))
    assert street.show(12, HOUSE).ids.tolist() == [FIRST + 1]


def test_after_a_cut_all_is_new(street):
    street.show(0, HOUSE)
    assert street.show(1, HOUSE, seed=5).ids.tolist() == [FIRST + 1]
    assert street.asked == [0, 1]


def test_frames_of_another_size_begin_anew(street, monkeypatch):
    street.show(0, HOUSE, TREE)
    nothing = Instances.empty((240, 320))
    monkeypatch.setattr(follower, "segment_everything", lambda *_: nothing)
    for number in range(3):
        frame = Frame(texture(0, (240, 320)), number)
        assert street.follower(frame, frame.size_hw, nothing.masks) == nothing


@pytest.mark.parametrize("known", [1, 3, 6])
def test_a_run_that_goes_on_gives_what_one_that_was_not_ended_gives(monkeypatch, known):
    def shown(street, number):
        objects = [(10 * number, 10, 10 * number + 60, 90)]
        return street.show(number, HOUSE, TREE, objects=objects), boxes(*objects)

    whole = Street(monkeypatch)
    scenes = []
    for number in range(10):
        regions, masks = shown(whole, number)
        count = len(masks)
        objects = Instances(
            masks.boxes_xyxy.astype(np.float32), np.ones(count, np.float32), np.zeros(count, np.int64),
            np.arange(1, count + 1), masks,
        )  # fmt: skip
        nothing = Instances.empty(masks.size_hw)
        scenes.append(Scene(whole.frame(number), objects, regions, {0: "car"}, nothing, is_tracked=True))

    resumed = Street(monkeypatch)
    for scene in scenes[:known]:
        resumed.follower.replay(replace(scene))
    for number in range(known, 10):
        assert shown(resumed, number)[0] == scenes[number].regions
    assert resumed.asked == [number for number in whole.asked if number >= known]


def test_nothing_is_followed_where_nothing_is_found(street):
    for number in range(6):
        assert len(street.show(number)) == 0
