"""Tracks are begun by strong boxes; the weak ones before, which nobody claimed, are theirs, too."""

from __future__ import annotations

import numpy as np

from sav.stages.refine.config import RefineConfig
from sav.stages.refine.grid import Grid
from sav.stages.refine.identities import Ends
from sav.stages.refine.motion import overlap

_MOST_MISSED = 2  # frames in a row without a box, after which a path is no longer followed


def extend_back(grid: Grid, fixed: int, start: int, stop: int, config: RefineConfig) -> None:
    """Follow objects that begin from `start` to `stop` back to their first weak boxes, by up to a second.

    No frame before `fixed` is changed. Those that begin later choose first: their paths are the shorter.
    """
    first = grid.seen.argmax(0)
    is_new = grid.seen.any(0) & (first >= start) & (first < stop) & (grid.ids == 0)
    if not is_new.any():
        return
    ends = Ends(grid)
    for column in sorted(is_new.nonzero()[0].tolist(), key=lambda column: -int(first[column])):
        _follow_back(grid, ends, int(first[column]), column, fixed, config)


def _follow_back(grid: Grid, ends: Ends, begin: int, column: int, fixed: int, config: RefineConfig) -> None:
    """Take the unused box that lies best on the path, frame by frame, until there is none any more."""
    box, velocity = ends.heading(begin, column)
    last = begin
    for at in range(begin - 1, fixed - 1, -1):
        too_far = grid.times[begin] - grid.times[at] > config.longest_gap + 1e-6
        if too_far or last - at > _MOST_MISSED + 1:
            return
        found, boxes = grid.unused(at)
        if not len(found):
            continue
        expected = box + velocity * (grid.times[at] - grid.times[last])
        overlaps = overlap(expected, boxes)
        best = int(overlaps.argmax())
        if overlaps[best] > config.extend_iou:
            grid.put(at, column, boxes[best], float(found.scores[best]), int(found.class_ids[best]))
            grid.use(at, best)
            box = np.concatenate([boxes[best, :2], box[2:]])
            last = at
