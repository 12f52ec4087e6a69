"""Masks beside boxes: who is who where people overlap, and of whom SAM is asked for that."""

from dataclasses import replace

import numpy as np
import pytest

from sav.data.shapes import BYTES, SIDE
from sav.data.types import Detections
from sav.trackers import SavTracker, TrackerConfig
from sav.trackers.mask_cue import MaskCue

WHOLE, LEFT, RIGHT = np.ones((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
LEFT[:, : SIDE // 2] = RIGHT[:, SIDE // 2 :] = True
BEFORE, AFTER = [3, 21], [14, 10]  # where two are, and where they are in the frame that is unclear


def people(lefts, looks=None):
    boxes = np.array([(left, 50, left + 40, 150) for left in lefts], np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def packed(shapes):
    return np.packbits(np.stack(shapes).reshape(len(shapes), -1), axis=1)


class Sam:
    """Gives the masks that it is told, and notes for which it was asked."""

    def __init__(self):
        self.asked = []

    def update(self, tracker, detections, shapes):
        def ask(rows):
            self.asked.append(rows.tolist())
            known = np.zeros((len(detections), BYTES), np.uint8)
            known[rows] = packed(shapes)[rows]
            self.seen = replace(detections, shapes=known)
            return self.seen

        self.seen = detections
        return tracker.update(detections, ask=ask)


def tracker_of(with_masks):
    return SavTracker(TrackerConfig.of_type("sav", with_masks=with_masks), frame_rate=30)


def owners(tracks):
    """Which detection each id has."""
    return dict(zip(tracks.track_ids.tolist(), tracks.detection_indices.tolist(), strict=True))


@pytest.mark.parametrize("with_masks", [True, "auto"])
def test_masks_decide_between_boxes_that_overlap(with_masks):
    sam, tracker = Sam(), tracker_of(with_masks)
    for _ in range(8):
        sam.update(tracker, people(BEFORE), [LEFT, RIGHT])
    assert owners(sam.update(tracker, people(AFTER), [LEFT, RIGHT])) == {1: 0, 2: 1}


def test_without_masks_overlap_decides():
    tracker = tracker_of(False)
    for _ in range(8):
        tracker.update(people(BEFORE))
    assert owners(tracker.update(people(AFTER))) == {1: 1, 2: 0}


def test_what_is_known_of_masks_is_enough_to_decide_again_without_asking():
    sam, tracker, again = Sam(), tracker_of("auto"), tracker_of("auto")
    for lefts in [BEFORE] * 8 + [AFTER] * 3:
        tracks = sam.update(tracker, people(lefts), [LEFT, RIGHT])
        assert again.update(sam.seen) == tracks


def test_sam_is_asked_where_more_than_one_pair_is_possible_or_for_all_that_is_usable():
    alone, crowd = people([0, 200]), people([0, 200, 215])
    for with_masks, asked in (("auto", []), (True, [[0, 1]] * 4)):
        sam, tracker = Sam(), tracker_of(with_masks)
        for _ in range(4):
            sam.update(tracker, alone, [WHOLE, WHOLE])
        assert sam.asked == asked
        sam.update(tracker, crowd, [WHOLE, LEFT, RIGHT])
        assert sam.asked[len(asked) :] == ([[1, 2]] if with_masks == "auto" else [[0, 1, 2]])


def test_a_tracker_that_compares_no_masks_asks_for_none():
    sam, tracker = Sam(), tracker_of(False)
    for _ in range(3):
        sam.update(tracker, people(BEFORE), [LEFT, RIGHT])
    assert sam.asked == [] and not tracker.wants_masks and tracker_of("auto").wants_masks


@pytest.mark.parametrize("shape", [(2, 0), (2, BYTES), (2, 8)])
def test_masks_that_are_not_known_or_on_another_grid_decide_nothing(shape):
    tracker, plain = tracker_of("auto"), tracker_of(False)
    for lefts in [BEFORE] * 8 + [AFTER]:
        seen = people(lefts)
        found = owners(tracker.update(replace(seen, shapes=np.zeros(shape, np.uint8))))
        assert found == owners(plain.update(seen))


def test_the_cue_compares_what_it_saw_where_it_is_expected_and_forgets_with_the_tracks():
    cue, rows = MaskCue(), np.arange(3)
    seen = replace(people([0, 0, 100]), shapes=packed([LEFT, RIGHT, np.zeros_like(LEFT)]))
    cue.start(seen, rows)
    cue.expect(np.array([(7, 50, 47, 150), (7, 50, 47, 150), (107, 50, 147, 150)], float))
    moved = replace(people([7, 7, 300]), shapes=packed([LEFT, RIGHT, WHOLE]))
    expected = [[1, 0, 0], [0, 1, 0], [np.nan] * 3]
    np.testing.assert_array_equal(cue.similarity(rows, moved, rows), expected)

    cue.observe(np.array([0, 1]), replace(seen, shapes=packed([WHOLE, np.zeros_like(LEFT), WHOLE])), rows[:2])
    ious = cue.similarity(rows, moved, rows)
    np.testing.assert_array_equal(ious[:2, :2], [[0.5, 0.5], [0, 1]])
    cue.keep(np.array([False, True, False]))
    cue.expect(np.array([(7, 50, 47, 150)], float))
    np.testing.assert_array_equal(cue.similarity(rows[:1], moved, rows), [[0, 1, 0]])
