"""Boxes of a moving camera in one common picture."""

from __future__ import annotations

import numpy as np

from sav.stages.refine.camera import as_step, from_common, to_common


def test_boxes_come_back_from_the_common_picture_as_they_were() -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (3, 2, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 50, (3, 2, 2))], -1)
    turn = np.array([[0.9, -0.2, 30], [0.2, 0.9, -5], [0, 0, 1]])
    maps = np.stack([np.eye(3), turn, turn @ turn])
    np.testing.assert_allclose(from_common(maps, to_common(maps, boxes)), boxes)


def test_what_stands_still_before_a_moving_camera_stands_still_in_the_common_picture() -> None:
    zoom_and_shift = np.array([[2.0, 0, 10], [0, 2, -4]])
    before, after = np.array([10.0, 20, 30, 60]), np.array([30.0, 36, 70, 116])
    maps = np.stack([np.eye(3), as_step(zoom_and_shift)])
    first, second = to_common(maps, np.stack([before, after])[:, None])
    np.testing.assert_allclose(first, second)


def test_a_motion_that_no_camera_makes_counts_as_none() -> None:
    for warp in (np.zeros((2, 3)), np.full((2, 3), np.nan), 1000 * np.eye(2, 3)):
        np.testing.assert_array_equal(as_step(warp), np.eye(3))
