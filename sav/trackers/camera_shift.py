"""How the camera moved, estimated from boxes alone: what all objects seem to do at once, the camera does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.trackers.kalman import Array

_FEWEST_PAIRS = 5  # objects that must tell of it: fewer often walk in step
_LEAST_OVERLAP = 0.1  # of a pair of boxes that are taken for one object's
_LEAST_AGREEMENT = 2.0  # a shift counts where it is so many times the pairs' median deviation from it


def camera_shift(expected_xyxy: Array, seen_xyxy: NDArray[Any], overlaps: NDArray[Any]) -> Array | None:
    """Return by how much the seen boxes lie beside where objects were expected.

    Boxes that overlap each other most are paired, and the median of the pairs' shifts is taken, across and
    down on their own. Objects that move each in their own way have a median near 0 that the pairs deviate
    from by more, which is no shift.

    Args:
        expected_xyxy: `(N, 4)` corners, pixels.
        seen_xyxy: `(M, 4)`, likewise.
        overlaps: `(N, M)`, the IoU of each with each.

    Returns:
        `(2,)` pixels, x and y; None if there is none.
    """
    if min(len(expected_xyxy), len(seen_xyxy)) < _FEWEST_PAIRS:
        return None
    columns, rows = overlaps.argmax(1), overlaps.argmax(0)
    is_mutual = rows[columns] == np.arange(len(columns))
    paired = (is_mutual & (overlaps.max(1) > _LEAST_OVERLAP)).nonzero()[0]
    if len(paired) < _FEWEST_PAIRS:
        return None

    moved = seen_xyxy[columns[paired]] - expected_xyxy[paired]
    shifts = (moved[:, :2] + moved[:, 2:]) / 2  # (pairs, 2), of the boxes' centres
    shift = _median(shifts)
    deviation = _median(np.abs(shifts - shift))
    shift[np.abs(shift) <= _LEAST_AGREEMENT * deviation] = 0
    return shift if shift.any() else None


def _median(values: Array) -> Array:
    """The median of each column of `(N, 2)`; of few numbers this is several times as fast as numpy's."""
    values, half = np.sort(values, 0), len(values) // 2
    middle: Array = values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
    return middle
