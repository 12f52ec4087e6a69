"""What our tracker does beyond the papers: it waits for evidence, and knows objects again by their looks."""

import numpy as np
import pytest

from sav.data.types import Detections
from sav.trackers import BoTSORT, SavTracker, TrackerConfig, make_tracker
from sav.trackers.appearance import AppearanceCue

COLOURS = np.array([[90, 0, 0, 20], [0, 90, 0, 20], [0, 0, 90, 20]], np.int8)
NOBODY = COLOURS[:0]


def detections(boxes, looks=NOBODY, scores=None, classes=None):
    count = len(boxes)
    looks = looks[:count] if len(looks) >= count else np.zeros((count, 0), np.int8)
    return Detections(
        np.array(boxes, np.float32).reshape(count, 4),
        np.full(count, 0.9, np.float32) if scores is None else np.array(scores, np.float32),
        np.zeros(count, np.int64) if classes is None else np.array(classes, np.int64),
        looks,
    )


def people(lefts, who, classes=None):
    """Some people beside one another, each in their colour."""
    return detections([(left, 50, left + 40, 150) for left in lefts], COLOURS[who], classes=classes)


def follow(tracker, frames):
    for frame in frames:
        tracks = tracker.update(frame)
    return tracks.track_ids.tolist()


def away(seconds):
    return [detections([], COLOURS)] * (30 * seconds)


def test_who_comes_back_elsewhere_after_a_long_time_is_known_by_their_looks():
    tracker = make_tracker("sav", frame_rate=30)
    assert follow(tracker, [people([0, 200, 400], [0, 1, 2])] * 10) == [1, 2, 3]
    follow(tracker, away(5))
    assert follow(tracker, [people([50, 300, 800], [2, 0, 1])] * 3) == [3, 1, 2]


def test_who_is_seen_in_part_at_first_is_known_within_a_second_and_no_later():
    for frames_hidden, ids in ((8, [1, 2]), (40, [3, 2])):
        tracker = make_tracker("sav", frame_rate=30)
        follow(tracker, [people([0, 200], [0, 1])] * 10)
        follow(tracker, [people([200], [1])] * 60)
        assert follow(tracker, [people([800, 200], [2, 1])] * frames_hidden) == [2, 3]
        assert follow(tracker, [people([800, 200], [0, 1])] * 60) in (ids, ids[::-1])


def test_who_was_there_at_the_same_time_is_somebody_else():
    tracker = make_tracker("sav", frame_rate=30)
    follow(tracker, [people([0, 200], [0, 1])] * 10)
    follow(tracker, [people([0, 200, 500], [0, 1, 0])] * 5)
    assert follow(tracker, [people([200, 500], [1, 0])] * 20) == [2, 3]


def test_without_looks_nobody_is_known_again():
    tracker = make_tracker("sav", frame_rate=30)
    plain = [detections([(0, 50, 40, 150)])] * 5
    assert follow(tracker, plain) == [1]
    assert follow(tracker, [detections([])] * 60 + plain) == [2]
    assert len(tracker._table) == 1


def test_a_stranger_and_one_of_two_look_alikes_get_ids_of_their_own():
    tracker = make_tracker("sav", frame_rate=30)
    assert follow(tracker, [people([0, 200, 400], [0, 0, 1])] * 10) == [1, 2, 3]
    follow(tracker, away(3))
    assert follow(tracker, [people([50, 300], [2, 0])] * 3) == [4, 5]


def test_a_thing_of_another_class_is_another_thing():
    tracker = make_tracker("sav", frame_rate=30)
    follow(tracker, [people([0, 200], [0, 1], classes=[0, 0])] * 10)
    follow(tracker, away(3))
    assert sorted(follow(tracker, [people([50, 300], [0, 1], classes=[16, 0])] * 3)) == [2, 3]


def test_what_was_away_for_half_a_minute_is_forgotten_and_memory_with_it():
    tracker = make_tracker("sav", frame_rate=30)
    follow(tracker, [people([0, 200], [0, 1])] * 10)
    follow(tracker, away(31))
    assert len(tracker._table) == len(tracker._appearance._tracks) == 0
    assert follow(tracker, [people([0, 200], [0, 1])] * 3) == [3, 4]


@pytest.mark.parametrize("kind", ["botsort", "sav"])
def test_looks_decide_between_boxes_that_overlap(kind):
    tracker = {"botsort": BoTSORT, "sav": SavTracker}[kind](TrackerConfig.of_type(kind, with_reid=True))
    follow(tracker, [people([3, 21], [0, 1])] * 8)
    tracks = tracker.update(people([14, 10], [0, 1]))
    assert dict(zip(tracks.track_ids.tolist(), tracks.detection_indices.tolist(), strict=True)) == {
        1: 0,
        2: 1,
    }


def test_without_looks_overlap_decides():
    tracker = make_tracker("sav", frame_rate=30)
    follow(tracker, [detections([(left, 50, left + 40, 150) for left in (3, 21)])] * 8)
    tracks = tracker.update(detections([(left, 50, left + 40, 150) for left in (14, 10)]))
    assert dict(zip(tracks.track_ids.tolist(), tracks.detection_indices.tolist(), strict=True)) == {
        1: 1,
        2: 0,
    }


def test_a_track_is_shown_when_its_scores_add_up():
    sure, doubtful = [(0, 50, 40, 150)], [(300, 50, 340, 150)]
    tracker = make_tracker("sav", frame_rate=30)
    tracker.update(detections([]))
    seen = [tracker.update(detections(sure + doubtful, scores=[0.9, 0.51])) for _ in range(5)]
    assert [len(tracks) for tracks in seen] == [0, 1, 2, 2, 2]


def test_what_all_share_makes_nobody_alike():
    cue = AppearanceCue(0.5)
    shared = (COLOURS // 10 + np.array([0, 0, 0, 100])).astype(np.int8)
    frame = detections(np.tile([0, 0, 10, 10], (3, 1)), shared)
    cue.start(frame, np.arange(3))
    alike = cue.similarity(np.arange(3), frame, np.arange(3))
    assert (np.diag(alike) > 0.99).all() and alike[~np.eye(3, dtype=bool)].max() < 0.4


def test_doubtful_detections_teach_nothing():
    cue = AppearanceCue(0.5)
    box = [(0, 0, 10, 10)]
    cue.start(detections(box * 2, COLOURS[:2]), np.arange(2))
    before = cue.between(np.arange(2), np.arange(2))
    cue.observe(np.array([0]), detections(box, COLOURS[1:2], scores=[0.2]), np.array([0]))
    np.testing.assert_array_equal(cue.between(np.arange(2), np.arange(2)), before)
