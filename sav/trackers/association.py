"""Which track goes with which detection: overlap of boxes, and the assignment that costs least."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Indices = NDArray[np.intp]


def iou(a_xyxy: NDArray[Any], b_xyxy: NDArray[Any]) -> NDArray[Any]:
    """Return the overlap (IoU) of every box of `a_xyxy` `(N, 4)` with every one of `b_xyxy` `(M, 4)`.

    Returns:
        `(N, M)`, 0 to 1; 0 where a box has no area.
    """
    a, b = a_xyxy[:, None], b_xyxy[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    np.maximum(sides, 0, out=sides)
    shared = sides[..., 0] * sides[..., 1]
    union = _area(a_xyxy)[:, None] + _area(b_xyxy) - shared
    return shared / np.maximum(union, 1e-9)


def assign(costs: NDArray[Any], limit: float) -> tuple[Indices, Indices]:
    """Pair rows with columns so that the sum of costs is least, where leaving a pair out costs `limit`.

    Pairs that compete with no other pair are taken at once; only what is contested goes to the solver. The
    result is the same as solving the whole.

    Args:
        costs: `(N, M)`.
        limit: Only pairs that cost less than this are made.

    Returns:
        Rows and columns of the pairs, each `(K,)`.
    """
    possible = costs < limit
    rows, columns = possible.nonzero()
    alone = (possible.sum(1)[rows] == 1) & (possible.sum(0)[columns] == 1)
    if alone.all():
        return rows, columns
    contested = ~alone
    some_rows, some_columns = np.unique(rows[contested]), np.unique(columns[contested])
    sub_costs = np.minimum(costs[some_rows[:, None], some_columns], limit)
    i, j = linear_sum_assignment(sub_costs)
    made = sub_costs[i, j] < limit
    return (
        np.concatenate([rows[alone], some_rows[i[made]]]),
        np.concatenate([columns[alone], some_columns[j[made]]]),
    )


def _area(boxes_xyxy: NDArray[Any]) -> NDArray[Any]:
    size = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return size[:, 0] * size[:, 1]
