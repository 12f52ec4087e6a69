"""Objects that were followed twice, under two classes or ids: one of the two tracks takes both."""

from __future__ import annotations

import numpy as np

from sav.data.types import BoolArray
from sav.stages.refine.grid import Grid
from sav.stages.refine.motion import overlap

_SAME_IOU = 0.8  # tracks that overlap by more than this are of one object,
_LEAST_SHARE = 0.8  # in this share of the frames that both are in,
_LEAST_COMMON = 0.5  # which are this share of the frames of the one that is seen less,
_LEAST_SECONDS = 0.3  # for so long


def merge_doubles(grid: Grid, pairs: list[tuple[int, int]], fixed: int) -> None:
    """Have one column for each object that has two, of the `pairs` of columns that overlap.

    The one that was shown first takes in each frame the box with the higher score. No frame before `fixed` is
    changed.
    """
    gone = np.zeros(len(grid.owners), np.bool_)
    for one, other in pairs:
        if gone[one] or gone[other]:
            continue
        keeps, goes = sorted((one, other), key=lambda column: _age(grid, column))
        twin = int(grid.owners[keeps]), int(grid.owners[goes])
        if _is_double(grid, keeps, goes, twin in grid.twins):
            grid.take_over(keeps, goes, fixed)
            grid.twins.add(twin)
            gone[goes] = True
    if gone.any():
        grid.keep_columns(~gone)


def _is_double(grid: Grid, one: int, other: int, was_double: bool) -> bool:
    """Whether two columns are of one object; those that were before are if nothing speaks against it."""
    both: BoolArray = grid.seen[:, one] & grid.seen[:, other]
    common = both.nonzero()[0]
    same = overlap(grid.boxes[common, one], grid.boxes[common, other]) > _SAME_IOU
    if not len(common) or same.mean() < _LEAST_SHARE:
        return False
    if was_double:
        return True
    lasts = grid.times[common[-1]] - grid.times[common[0]] >= _LEAST_SECONDS
    fewest = min(grid.seen[:, one].sum(), grid.seen[:, other].sum())
    return bool(lasts and len(common) >= _LEAST_COMMON * fewest)


def _age(grid: Grid, column: int) -> tuple[int, int]:
    """What sorts columns by when they were first shown, then by when they were first seen."""
    shown = int(grid.ids[column]) or np.iinfo(np.int64).max
    return shown, int(grid.seen[:, column].argmax())
