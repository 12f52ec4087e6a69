"""People who walk to and fro in the open: where they are, what they look like, and how they are followed."""

from collections import Counter

import numpy as np
import pytest

from sav.data.shapes import BYTES
from sav.data.types import Detections
from sav.trackers import TrackerConfig
from tools.tracking.crowd import Known, follow
from tools.world.crowd import PEOPLE, SECONDS, make_crowd
from tools.world.people import different_looks
from tools.world.render import render


def test_everybody_is_there_and_most_can_be_seen():
    clip = make_crowd(1, alike=False, size=(160, 90))
    for seconds in (2.0, 9.0):
        scene = clip.scene(seconds)
        counts = Counter(render(scene).entity_map.ravel().tolist())
        people = [number for number, thing in enumerate(scene.entities, 1) if thing.track_id]
        assert len(people) == PEOPLE and sum(counts[number] > 20 for number in people) >= PEOPLE // 2


@pytest.mark.long
def test_they_turn_now_and_then_and_never_jump():
    for stroller in make_crowd(2, alike=True).actors:
        entities = [stroller.entity(seconds, 1) for seconds in np.arange(0, SECONDS, 0.1)]
        assert len({entity.heading for entity in entities}) == 2
        assert np.abs(np.diff([entity.x for entity in entities])).max() < 0.8


def test_look_alikes_share_a_look_and_others_none():
    looks = {alike: [one.seed for one in make_crowd(1, alike).actors] for alike in (True, False)}
    assert len(set(looks[True])) == 1 and looks[False] == different_looks(PEOPLE)


def test_what_is_asked_for_is_counted_and_what_of_it_is_not_shown():
    boxes = np.array([[0, 0, 40, 100], [15, 0, 55, 100], [20, 0, 60, 100]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.9, 0.2], np.float32), np.zeros(3, np.int64))
    frames = [Known(found, np.full((3, BYTES), 255, np.uint8))] * 4
    tracks, asked = follow(TrackerConfig.of_type("sav", with_masks=True), 15.0, frames)
    assert len(tracks[-1]) == 2 and (asked.counts, asked.wasted[-1]) == ([3] * 4, 1)
    assert follow(TrackerConfig.of_type("sav"), 15.0, frames)[1].counts == [0] * 4
