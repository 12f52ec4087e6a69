"""Which track goes with which detection: overlap of boxes, and the assignment that is best as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Indices = NDArray[np.intp]


def box_iou(a_xyxy: NDArray[Any], b_xyxy: NDArray[Any], dtype: type[Any] = np.float32) -> NDArray[Any]:
    """Return how much each box of `a_xyxy` `(N, 4)` overlaps each box of `b_xyxy` `(M, 4)`.

    Args:
        a_xyxy: Boxes in pixels.
        b_xyxy: Boxes in pixels.
        dtype: What is computed in; float32 is enough to follow, scores take float64.

    Returns:
        `(N, M)`, intersection over union, 0 to 1; 0 where neither box has an area.
    """
    left, top, right, bottom = a_xyxy.T.astype(dtype)[:, :, None]
    other_left, other_top, other_right, other_bottom = b_xyxy.T.astype(dtype)
    shared = np.minimum(right, other_right) - np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    np.maximum(shared, 0, out=shared)
    shared *= np.maximum(height, 0, out=height)
    union = (right - left) * (bottom - top) + (other_right - other_left) * (other_bottom - other_top) - shared
    return np.divide(shared, np.maximum(union, dtype(1e-9), out=union), out=shared)


def assign(similarities: NDArray[Any], least: float) -> tuple[Indices, Indices]:
    """Pair rows with columns so that the sum of what the pairs exceed `least` by is greatest.

    Args:
        similarities: `(N, M)`.
        least: Only pairs that are more similar than this are made.

    Returns:
        Rows and columns of the pairs, each `(K,)`.
    """
    gains = similarities - least
    np.maximum(gains, 0, out=gains)  # an impossible pair is worth as much as no pair
    rows, columns = linear_sum_assignment(gains, maximize=True)
    made = gains[rows, columns] > 0
    return rows[made], columns[made]
