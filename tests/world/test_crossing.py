"""People behind a wall: where they are when, what they look like, and who is said to keep their id."""

from collections import Counter

import numpy as np
import pytest

from sav.data.types import Detections, Tracks
from sav.evaluate.coco import CocoFile, Objects
from tools.tracking.crossing import ids_right
from tools.world.crossing import PEOPLE, SECONDS, make_crossing
from tools.world.people import different_looks
from tools.world.render import render


def seen_people(clip, seconds):
    scene = clip.scene(seconds)
    shown = render(scene)
    counts = Counter(shown.entity_map.ravel().tolist())
    return {
        thing.track_id: counts[number]
        for number, thing in enumerate(scene.entities, 1)
        if thing.track_id and counts[number] > 20
    }


def test_two_are_seen_then_hidden_then_seen_again():
    clip = make_crossing(1, alike=False, size=(160, 90))
    walks = [seen_people(clip, seconds) for seconds in (3.5, 6.2, 9.8)]
    assert [set(walk) for walk in walks] == [{1, 2}, set(), {1, 2}]


def test_look_alikes_share_a_look_and_others_none():
    looks = {alike: [walker.seed for walker in make_crossing(1, alike).actors] for alike in (True, False)}
    assert len(set(looks[True])) == 1 and len(set(looks[False])) == PEOPLE
    assert looks[False] == different_looks(PEOPLE)


def test_everybody_is_through_when_the_clip_ends():
    for walker in make_crossing(2, alike=False).actors:
        assert abs(walker.entity(SECONDS, 1).x) > 5


@pytest.mark.parametrize(
    ("ids", "right"), [((1, 2, 1, 2), 2), ((1, 2, 2, 1), 0), ((1, 2, 1, 3), 1), ((1, 1, 1, 1), 0)]
)
def test_an_id_is_right_if_it_is_the_same_after_a_gap_and_nobody_elses(ids, right):
    """Two people at one time, then at another; `ids` are theirs before and after."""
    boxes = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], np.float32)
    none = np.zeros(0, np.int64)
    pictures, found, tracks = {}, [], []
    for frame in range(40):
        there = np.array([0, 1]) if frame < 10 or frame >= 30 else none
        given = np.array(ids[:2] if frame < 10 else ids[2:], np.int64)[there]
        names, count = np.array(["person"] * len(there)), len(there)
        pictures[frame] = Objects(
            (30, 70),
            frame + 1,
            names,
            there + 1,
            boxes[there].astype(float),
            [{}] * count,
            np.zeros(count, bool),
        )
        found.append(Detections(boxes[there], np.ones(count, np.float32), np.zeros(count, np.int64)))
        tracks.append(Tracks(given, np.arange(count), boxes[there], np.zeros(count, np.int64)))
    truth = CocoFile.__new__(CocoFile)
    object.__setattr__(truth, "pictures", pictures)
    assert ids_right(truth, found, tracks, rate=10) == right
