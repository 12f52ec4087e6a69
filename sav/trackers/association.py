"""Which track goes with which detection: overlap of boxes, and the assignment that is best as a whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Indices


def box_iou(a_xyxy: NDArray[Any], b_xyxy: NDArray[Any], dtype: type[Any] = np.float32) -> NDArray[Any]:
    """Return how much each box of `a_xyxy` `(N, 4)` overlaps each box of `b_xyxy` `(M, 4)`.

    Args:
        a_xyxy: Boxes in pixels.
        b_xyxy: Boxes in pixels.
        dtype: What is computed in; float32 is enough to follow, scores take float64.

    Returns:
        `(N, M)`, intersection over union, 0 to 1; 0 where neither box has an area.
    """
    a = np.array(a_xyxy.T, dtype, order="C")[:, :, None]  # (4, N, 1)
    b = np.array(b_xyxy.T, dtype, order="C")[:, None, :]  # (4, 1, M)
    sides = np.minimum(a[2:], b[2:])  # (2, N, M), width and height of what is shared
    sides -= np.maximum(a[:2], b[:2])
    np.maximum(sides, 0, out=sides)
    shared = np.multiply(sides[0], sides[1], out=sides[0])

    size, other_size = a[2:] - a[:2], b[2:] - b[:2]
    union = np.subtract(size[0] * size[1] + other_size[0] * other_size[1], shared, out=sides[1])
    return np.divide(shared, np.maximum(union, dtype(1e-9), out=union), out=shared)


def assign(similarities: NDArray[Any], least: float) -> tuple[Indices, Indices]:
    """Pair rows with columns so that the sum of what the pairs exceed `least` by is greatest.

    Args:
        similarities: `(N, M)`.
        least: Only pairs that are more similar than this are made.

    Returns:
        Rows and columns of the pairs, each `(K,)`.
    """
    possible = similarities > least
    rows, columns = possible.nonzero()
    if len(rows) == len(set(rows.tolist())) == len(set(columns.tolist())):
        return rows, columns  # nobody has two to choose from
    from scipy.optimize import linear_sum_assignment  # half a second that pictures do without

    gains = similarities - least
    np.maximum(gains, 0, out=gains)  # an impossible pair is worth as much as no pair
    rows, columns = linear_sum_assignment(gains, maximize=True)
    made = gains[rows, columns] > 0
    return rows[made], columns[made]
