"""The camera's motion out of boxes: seen where all share it, and not where each goes its own way."""

import numpy as np
import pytest

from sav.trackers import camera_shift as module
from sav.trackers.association import box_iou


def camera_shift(expected, seen):
    return module.camera_shift(expected, seen, box_iou(expected, seen))


def boxes(count, seed=0):
    corners = np.random.default_rng(seed).uniform(0, 3000, (count, 2))
    return np.concatenate([corners, corners + np.array([80, 200])], 1)


@pytest.mark.parametrize("shift", [(12.0, -30.0), (40.0, 0.0), (-0.5, 9.0)])
def test_what_all_boxes_do_the_camera_does(shift):
    expected = boxes(9)
    order = np.random.default_rng(1).permutation(9)
    np.testing.assert_allclose(camera_shift(expected, (expected + np.tile(shift, 2))[order]), shift)


def test_a_few_that_walk_and_boxes_of_others_do_not_mislead():
    expected = boxes(9)
    seen = expected + np.tile((20.0, 10.0), 2)
    seen[:3] += np.tile((-9.0, 4.0), 2)
    seen = np.concatenate([seen, boxes(20, seed=5)])
    np.testing.assert_allclose(camera_shift(expected, seen), (20, 10))


def test_boxes_that_each_go_their_own_way_are_no_camera():
    expected = boxes(12)
    walks = np.random.default_rng(2).normal(0, 6, (12, 2))
    assert camera_shift(expected, expected + np.tile(walks, 2)) is None


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_boxes_tell_nothing(count):
    assert camera_shift(boxes(count), boxes(count) + 10) is None
    assert camera_shift(boxes(9), boxes(count) + 10) is None
    assert camera_shift(boxes(count), boxes(9) + 10) is None


def test_nothing_that_overlaps_tells_nothing():
    assert camera_shift(boxes(9), boxes(9) + 5000) is None


def test_boxes_that_stand_still_are_no_shift():
    assert camera_shift(boxes(9), boxes(9)) is None
