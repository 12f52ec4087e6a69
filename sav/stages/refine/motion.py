"""How objects move: local linear fits of their paths, for all frames and objects at once.

A path is a column of a table with a row a frame, so that every fit at every frame is a matrix product: of the
weights, which depend on the times alone, with the boxes that were seen. (Local linear regression: Fan and
Gijbels 1996, "Local Polynomial Modelling and Its Applications", chapter 2; the weights are Gaussian.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FIT = 0.3  # seconds, the standard deviation of the weights that an object's motion is known by
_STILL = 0.05  # seconds, by how much of a stretch without motion a fit is steadied
_TOLERANCE, _TOLERANCE_A_SECOND = 0.3, 0.5  # box sizes that pieces of one path may miss each other by
_HEIGHT_TOLERANCE = 0.5  # the logarithm of the ratio of their heights
_LOCAL = 0.5  # seconds, the standard deviation of the weights that the noise around a frame is known by
_NOISE = 2.0  # so many times the noise that neighbours show is smoothed away
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Fit:
    """Local linear fits at some frames; F of them, N objects.

    Attributes:
        boxes: `(F, N, 4)`, centre and size.
        velocities: `(F, N, 4)`, their change a second.
        support: `(F, N)`, the sum of the weights: about how many boxes a fit rests on.
    """

    boxes: Array
    velocities: Array
    support: Array


def smoothed(times: Array, at: slice, seen: NDArray[np.bool_], boxes: Array, sigma: float) -> Array:
    """Return the paths at the frames `at`, each by the boxes around it.

    What a box differs from the fit by is taken for noise only as far as boxes shake from frame to frame: of
    a detector that is exact, or where an object turns, what was seen is kept. (The share that is kept is as
    in James and Stein 1961, "Estimation with Quadratic Loss".)

    Args:
        times: `(F,)` seconds.
        at: Which of them.
        seen: `(F, N)`.
        boxes: `(F, N, C)`, 0 where nothing was seen.
        sigma: Seconds.
    """
    fit = fitted(times, seen, boxes, sigma)
    near = np.exp(-0.5 * ((times - times[at, None]) / _LOCAL) ** 2)
    rest = np.where(seen[..., None], boxes - fit, 0)
    differs = _local_mean(near, seen, rest**2)
    shakes = _local_mean(near, *_shaking(seen, boxes))
    kept = np.where(shakes >= 0, np.clip(1 - _NOISE * shakes / np.maximum(differs, _TINY), 0, 1), 0)
    return np.asarray(fit[at] + kept * rest[at], np.float64)


def fitted(times: Array, seen: NDArray[np.bool_], boxes: Array, sigma: float) -> Array:
    """Return the local linear fits at all frames, `(F, N, C)`; as `smoothed` takes them."""
    ahead = times - times[:, None]
    weights = np.exp(-0.5 * (ahead / sigma) ** 2)
    # Far away a thin tail keeps the middle of a long gap from resting on nothing.
    weights += 1e-9 * np.exp(-np.abs(ahead) / sigma)
    return _solve(weights, ahead, seen, boxes, 0.0).boxes


def _shaking(seen: NDArray[np.bool_], boxes: Array) -> tuple[NDArray[np.bool_], Array]:
    """`(F, N)`, where an object was seen in three frames in a row, and `(F, N, C)`, the noise that they show.

    It is the variance of independent errors that such second differences would come from.
    """
    whole, noise = np.zeros_like(seen), np.zeros_like(boxes)
    if len(seen) > 2:
        whole[1:-1] = seen[:-2] & seen[1:-1] & seen[2:]
        noise[1:-1] = (boxes[:-2] - 2 * boxes[1:-1] + boxes[2:]) ** 2 / 6 * whole[1:-1, :, None]
    return whole, noise


def _local_mean(weights: Array, known: NDArray[np.bool_], values: Array) -> Array:
    """Weighted means of what is known, `(frames, N, C)`; -1 where nothing is."""
    frames, count, channels = values.shape
    sums = (weights @ values.reshape(frames, count * channels)).reshape(len(weights), count, channels)
    support = (weights @ known)[..., None]
    return np.where(support > _TINY, sums / np.maximum(support, _TINY), -1)


def one_sided(times: Array, seen: NDArray[np.bool_], boxes: Array) -> tuple[Fit, Fit]:
    """Return the fits at every frame by what was seen up to it, and from it on; as `smoothed` takes it."""
    ahead = times - times[:, None]
    weights = np.exp(-0.5 * (ahead / _FIT) ** 2)
    before, after = np.tril(weights), np.triu(weights)
    return _solve(before, ahead, seen, boxes, _STILL), _solve(after, ahead, seen, boxes, _STILL)


def _solve(weights: Array, ahead: Array, seen: NDArray[np.bool_], boxes: Array, still: float) -> Fit:
    """Weighted least squares of a line through the boxes, in closed form."""
    count, channels = seen.shape[1], boxes.shape[2]
    flat = np.concatenate([seen, boxes.reshape(len(seen), count * channels)], 1)  # (F, N + N * C)
    sums, moments = weights @ flat, (weights * ahead) @ flat
    s0, s1 = sums[:, :count], moments[:, :count]
    s2 = (weights * ahead**2) @ flat[:, :count] + still**2
    t0 = sums[:, count:].reshape(len(weights), count, channels)
    t1 = moments[:, count:].reshape(len(weights), count, channels)

    determinant = s0 * s2 - s1 * s1
    is_line = determinant > _TINY * s0 * s2
    safe = np.where(is_line, determinant, 1)[..., None]
    line = (s2[..., None] * t0 - s1[..., None] * t1) / safe
    mean = t0 / np.maximum(s0, np.finfo(float).tiny)[..., None]
    slope = np.where(is_line[..., None], (s0[..., None] * t1 - s1[..., None] * t0) / safe, 0)
    return Fit(np.where(is_line[..., None], line, mean), slope, s0)


def mismatch(
    before: Array, velocity_before: Array, after: Array, velocity_after: Array, seconds: Array
) -> Array:
    """Return by how many tolerances two pieces of path miss each other in the middle of the gap.

    Args:
        before: `(..., 4)`, centre and size at the end of the first.
        velocity_before: `(..., 4)`, its change a second there.
        after: `(..., 4)`, at the start of the second.
        velocity_after: `(..., 4)`.
        seconds: `(...)`, the gap.
    """
    half = seconds[..., None] / 2
    miss = (before + velocity_before * half - after + velocity_after * half)[..., :2]
    size = np.sqrt(np.maximum(before[..., 2:] * after[..., 2:], _TINY))
    heights = np.maximum(before[..., 3], _TINY) / np.maximum(after[..., 3], _TINY)
    reach = _TOLERANCE + _TOLERANCE_A_SECOND * seconds
    moved = np.sqrt(((miss / size) ** 2).sum(-1)) / reach
    return np.asarray(moved + np.abs(np.log(heights)) / _HEIGHT_TOLERANCE, np.float64)


def overlap(a: Array, b: Array) -> Array:
    """Intersection over union of boxes `(..., 4)`, centre and size."""
    sides = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    sides = sides - np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    shared = np.clip(sides, 0, None).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float64)
