"""Whose piece of path is whose: pairs that were exchanged, tracks that jumped, pieces of one path."""

from __future__ import annotations

import numpy as np

from sav.data.types import BoolArray, Indices
from sav.stages.refine.config import RefineConfig
from sav.stages.refine.grid import Grid, previous
from sav.stages.refine.motion import Array, mismatch, one_sided, overlap

_MEETING_IOU = 0.3  # tracks that overlap by more than this meet,
_MEETING_PAUSE = 0.3  # and do not part if they meet again within so many seconds
_LEAST_SUPPORT = 2.5  # boxes that a direction must rest on


class Ends:
    """The fits of all paths before and after every frame, and how pieces miss each other there."""

    def __init__(self, grid: Grid) -> None:
        self._times = grid.times
        self._before, self._after = one_sided(grid.times, grid.seen, grid.boxes)

    def miss(self, end: Indices, column: Indices, start: Indices, other: Indices) -> Array:
        """How far a path that ends at the frame `end` misses another that goes on at `start`; all `(K,)`."""
        return mismatch(
            self._before.boxes[end, column],
            self._before.velocities[end, column],
            self._after.boxes[start, other],
            self._after.velocities[start, other],
            self._times[start] - self._times[end],
        )

    def heading(self, start: int, column: int) -> tuple[Array, Array]:
        """A path's box at the frame `start`, `(4,)`, and its change a second after that.

        Its size is taken to stay.
        """
        velocity = self._after.velocities[start, column] * (1, 1, 0, 0)
        return self._after.boxes[start, column], np.asarray(velocity, np.float64)

    def is_known(self, end: Indices, start: Indices, column: Indices) -> BoolArray:
        """Whether a path has a direction before the frame `end`, and one after `start`; all `(K,)`."""
        before, after = self._before.support[end, column], self._after.support[start, column]
        return np.asarray(np.minimum(before, after) >= _LEAST_SUPPORT, np.bool_)


def put_right(grid: Grid, ends: Ends, fixed: int, start: int, stop: int, config: RefineConfig) -> bool:
    """Exchange the identities of pairs that were swapped while they met.

    Only meetings whose last frame is from `start` to `stop` are looked at, and no frame before `fixed` is
    changed. Returns whether any was.
    """
    changed = False
    for one, other in met(grid, start, stop):
        meeting = _meeting(grid, one, other, start, stop)
        if meeting is None:
            continue
        first, last = meeting
        pair = np.array([one, other])
        end, begin = _around(grid, pair, first, last)
        if (end < 0).any() or (begin < 0).any() or not ends.is_known(end, begin, pair).all():
            continue
        stay = ends.miss(end, pair, begin, pair).sum()
        crossed = ends.miss(end, pair, begin[::-1], pair[::-1]).sum()
        if crossed < stay - config.swap_margin:
            grid.swap(one, other, max(fixed, (first + last) // 2 + 1))
            changed = True
    return changed


def met(grid: Grid, start: int, stop: int) -> list[tuple[int, int]]:
    """Pairs of columns that overlap in any frame from `start` to `stop`."""
    columns = grid.seen[start:stop].any(0).nonzero()[0]
    boxes, seen = grid.boxes[start:stop, columns], grid.seen[start:stop, columns]
    i, j = _near(boxes, seen)
    met = (overlap(boxes[:, i], boxes[:, j]) > _MEETING_IOU) & seen[:, i] & seen[:, j]
    pairs = met.any(0)
    return list(zip(columns[i[pairs]].tolist(), columns[j[pairs]].tolist(), strict=True))


def _near(boxes: Array, seen: BoolArray) -> tuple[Indices, Indices]:
    """Pairs of objects whose ways, `(F, N, 4)`, touch at all: few of all that there are."""
    half = boxes[..., 2:] / 2
    least = np.where(seen[..., None], boxes[..., :2] - half, np.inf).min(0, initial=np.inf)
    most = np.where(seen[..., None], boxes[..., :2] + half, -np.inf).max(0, initial=-np.inf)
    touch = (least[:, None] < most).all(-1)
    i, j = np.triu(touch & touch.T, 1).nonzero()
    return i, j


def _meeting(grid: Grid, one: int, other: int, start: int, stop: int) -> tuple[int, int] | None:
    """First and last frame of the last meeting of two that ends from `start` to `stop`, if there is one."""
    both = grid.seen[:, one] & grid.seen[:, other]
    close = (both & (overlap(grid.boxes[:, one], grid.boxes[:, other]) > _MEETING_IOU)).nonzero()[0]
    if not len(close):  # they were told apart by another exchange just now
        return None
    parted = np.diff(grid.times[close]) > _MEETING_PAUSE
    firsts, lasts = close[np.r_[True, parted]], close[np.r_[parted, True]]
    now = ((lasts >= start) & (lasts < stop)).nonzero()[0]
    return (int(firsts[now[-1]]), int(lasts[now[-1]])) if len(now) else None


def _around(grid: Grid, columns: Indices, first: int, last: int) -> tuple[Indices, Indices]:
    """The last frame before `first` and the next after `last` in which each column is seen; -1 for none."""
    before, after = grid.seen[:first, columns], grid.seen[last + 1 :, columns]
    end = np.where(before.any(0), first - 1 - before[::-1].argmax(0) if first else -1, -1)
    begin = np.where(after.any(0), last + 1 + after.argmax(0) if len(after) else -1, -1)
    return end, begin


def split(grid: Grid, ends: Ends, start: int, stop: int, config: RefineConfig) -> Ends:
    """Cut tracks whose two sides miss each other, where they go on after a gap from `start` to `stop`.

    Over more than `longest_gap` motion says little: who was known again after that, stays so.

    The part after the cut becomes a column of its own, at the end; returns the fits with those columns.
    """
    before = previous(grid.seen)[start:stop]
    frames, columns = (grid.seen[start:stop] & (before >= 0)).nonzero()
    ends_at, starts_at = before[frames, columns], frames + start
    lasts = grid.times[starts_at] - grid.times[ends_at]
    is_gap = (starts_at - ends_at > 1) & (lasts <= config.longest_gap + 1e-6)
    ends_at, starts_at, columns = ends_at[is_gap], starts_at[is_gap], columns[is_gap]
    torn = ends.miss(ends_at, columns, starts_at, columns) > config.split_above
    torn &= ends.is_known(ends_at, starts_at, columns)
    for begin, column in zip(starts_at[torn].tolist(), columns[torn].tolist(), strict=True):
        grid.add_columns(np.zeros(1, np.int64))
        grid.swap(column, len(grid.owners) - 1, begin)
    return Ends(grid) if torn.any() else ends


def link(grid: Grid, ends: Ends, start: int, stop: int, config: RefineConfig) -> None:
    """Join pieces that begin from `start` to `stop` to those that ended up to `longest_gap` before.

    All at once, so that the sum of the misses is the least (Kuhn 1955, "The Hungarian Method").
    """
    from scipy.optimize import linear_sum_assignment  # as in the trackers, when it is needed

    seen = grid.seen
    first, last = seen.argmax(0), len(grid) - 1 - seen[::-1].argmax(0)
    is_seen = seen.any(0)
    begun = (is_seen & (first >= start) & (first < stop) & (grid.ids == 0)).nonzero()[0]
    ended = (is_seen & (last < stop)).nonzero()[0]
    if not len(begun) or not len(ended):
        return
    gaps = grid.times[first[begun]] - grid.times[last[ended]][:, None]  # (ended, begun)
    i, j = ((gaps > 0) & (gaps <= config.longest_gap + 1e-6)).nonzero()
    costs = np.full(gaps.shape, config.link_below)
    misses = ends.miss(last[ended[i]], ended[i], first[begun[j]], begun[j])
    costs[i, j] = np.minimum(misses, config.link_below)
    rows, columns = linear_sum_assignment(costs)
    good = costs[rows, columns] < config.link_below
    joined = np.zeros(len(first), np.bool_)
    # The latest first: a piece that is joined to one before takes what was joined to it along.
    pairs = zip(ended[rows[good]].tolist(), begun[columns[good]].tolist(), strict=True)
    for one, other in sorted(pairs, key=lambda pair: -int(first[pair[1]])):
        grid.swap(one, other, int(first[other]))
        joined[other] = True
    grid.keep_columns(~joined)
