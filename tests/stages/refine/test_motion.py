"""Fits of paths, beside the slow way to make them."""

from __future__ import annotations

import numpy as np
import pytest

from sav.stages.refine.motion import fitted, mismatch, one_sided, overlap, smoothed

TIMES = np.cumsum([0.1, 0.1, 0.05, 0.2, 0.1, 0.1, 0.1, 0.3, 0.1])


def paths(objects: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(objects)
    seen = rng.random((len(TIMES), objects)) > 0.3
    seen[[0, 4, 8]] = True
    return seen, rng.normal(0, 10, (len(TIMES), objects, 4)) * seen[..., None]


def line_at(time: float, times: np.ndarray, values: np.ndarray, sigma: float) -> tuple[float, float]:
    """Value and slope at `time` of the line that fits best, by numpy."""
    weights = np.exp(-0.5 * ((times - time) / sigma) ** 2)
    slope, value = np.polyfit(times - time, values, 1, w=np.sqrt(weights))
    return value, slope


@pytest.mark.parametrize("objects", [0, 1, 3])
def test_fits_are_the_lines_that_lie_best_around_each_frame(objects: int) -> None:
    seen, boxes = paths(objects)
    found = fitted(TIMES, seen, boxes, 0.25)
    assert found.shape == (len(TIMES), objects, 4)
    for row, time in enumerate(TIMES):
        for column in range(objects):
            here = seen[:, column]
            expected = [line_at(time, TIMES[here], boxes[here, column, c], 0.25)[0] for c in range(4)]
            np.testing.assert_allclose(found[row, column], expected, rtol=1e-4, atol=1e-4)


def test_a_path_without_bends_stays_as_it_is_also_in_long_gaps() -> None:
    straight = np.stack([TIMES, 3 - 2 * TIMES, 5 + 0 * TIMES, 7 + TIMES], -1)[:, None]
    seen = np.ones((len(TIMES), 1), bool)
    seen[2:7] = False
    found = smoothed(TIMES, slice(0, 9), seen, straight * seen[..., None], 0.05)
    np.testing.assert_allclose(found, straight, atol=1e-6)


def test_noise_is_smoothed_away_and_a_turn_that_is_no_noise_is_kept() -> None:
    times, noise = np.arange(80) / 20, np.random.default_rng(0).normal(0, 1, (80, 2, 1))
    path = np.stack([20 * times, 200 * np.abs(times - 2)], 1)[..., None]  # the second turns round at 2 s
    seen = np.ones((80, 2), bool)
    steady = smoothed(times, slice(30, 50), seen, path, 0.2)
    assert np.abs(steady - path[30:50]).max() < 2
    assert np.abs(fitted(times, seen, path, 0.2)[40, 1] - path[40, 1]) > 20
    shaky = smoothed(times, slice(10, 30), seen, path + noise, 0.2)
    assert np.std(shaky - path[10:30]) < 0.6 * np.std(noise)


def test_one_box_alone_stays_where_it_is() -> None:
    seen = np.zeros((len(TIMES), 1), bool)
    seen[3] = True
    boxes = np.array([1.0, 2, 3, 4]) * seen[..., None]
    assert np.allclose(smoothed(TIMES, slice(3, 4), seen, boxes, 0.2), [1, 2, 3, 4])
    before, after = one_sided(TIMES, seen, boxes)
    assert np.allclose(before.boxes[3], [1, 2, 3, 4]) and np.allclose(after.velocities[3], 0)


def test_fits_of_one_side_know_nothing_of_the_other() -> None:
    seen, boxes = paths(2)
    before, after = one_sided(TIMES, seen, boxes)
    changed = boxes.copy()
    changed[5:] += seen[5:, :, None] * 100.0
    assert np.allclose(one_sided(TIMES, seen, changed)[0].boxes[:5], before.boxes[:5])
    changed = boxes.copy()
    changed[:5] += seen[:5, :, None] * 100.0
    assert np.allclose(one_sided(TIMES, seen, changed)[1].velocities[5:], after.velocities[5:])


def test_pieces_of_one_line_do_not_miss_each_other_and_a_step_aside_counts_in_boxes() -> None:
    before, velocity = np.array([[100.0, 50, 20, 40]]), np.array([[30.0, 0, 0, 0]])
    gap = np.array([0.5])
    onward = before + velocity * gap
    assert np.allclose(mismatch(before, velocity, onward, velocity, gap), 0)
    aside = onward + np.array([0, 40, 0, 0])
    longer = mismatch(before, velocity, aside + velocity * gap, velocity, 2 * gap)
    assert 0 < longer < mismatch(before, velocity, aside, velocity, gap)


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([10.0, 10, 4, 4])
    others = np.array([[10.0, 10, 4, 4], [12, 10, 4, 4], [30, 30, 4, 4], [10, 10, 0, 0]])
    assert np.allclose(overlap(box, others), [1, 1 / 3, 0, 0])
