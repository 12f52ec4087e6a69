"""The stream: frames go in as a tracker leaves them, and come out refined, up to two seconds later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sav.data.types import BoolArray, Detections
from sav.stages.refine.camera import from_common
from sav.stages.refine.config import RefineConfig
from sav.stages.refine.doubles import merge_doubles
from sav.stages.refine.extend import extend_back
from sav.stages.refine.frames import RefinedFrame, TrackedFrame
from sav.stages.refine.grid import Grid, following, previous
from sav.stages.refine.identities import Ends, link, met, put_right, split
from sav.stages.refine.motion import Array, smoothed

_STEP = 0.5  # seconds of frames that are refined at once, and that a new direction must be seen for
_HISTORY = 1.5  # seconds that are looked back at
_LONGEST_PAUSE = 1.5  # seconds that a frame lasts at most: above every gap that is filled
_SHORTEST_SHARE = 0.25  # a frame lasts at least this share of what the frame rate says


class Refiner:
    """Refines the tracks of one video, with a memory of a few seconds.

    What is said of a frame rests on what comes up to two seconds later: half a second of frames is refined at
    once; identities are settled half a second before the last frame, so that directions are known; and a
    frame is handed out a second before that, so that a gap that begins in it is known to its end.
    """

    def __init__(self, config: RefineConfig | None = None, *, frame_rate: float) -> None:
        """Begin; `frame_rate` is what the frames' times are checked by."""
        self._config, self._period = config or RefineConfig(), 1 / frame_rate
        self._grid = Grid()
        self._waiting: list[TrackedFrame] = []
        self._times: list[float] = []
        self._clock, self._time = 0.0, 0.0
        self._fixed = self._settled = 0  # frames of the grid that are handed out, and whose identities are
        self._last_id = 0
        self._asleep: dict[int, tuple[int, int]] = {}

    def add(self, frame: TrackedFrame) -> list[RefinedFrame]:
        """Take the next frame; returns those that are ready, in order: none, or half a second of them."""
        self._waiting.append(frame)
        self._times.append(self._now(frame.time))
        if self._times[-1] - self._times[0] < _STEP:
            return []
        self._take()
        seconds = self._grid.times
        self._settle(int(np.searchsorted(seconds, seconds[-1] - _STEP, side="right")))
        return self._hand_out(int(np.searchsorted(seconds, seconds[-1] - _STEP - 1, side="right")))

    def finish(self) -> list[RefinedFrame]:
        """The frames that are left, after the last."""
        if self._waiting:
            self._take()
        if not len(self._grid):
            return []
        self._settle(len(self._grid))
        return self._hand_out(len(self._grid))

    def _now(self, time: float) -> float:
        """A frame's time by a clock that never stands still or goes back, whatever the source says."""
        passed = float(np.clip(time - self._clock, self._period * _SHORTEST_SHARE, _LONGEST_PAUSE))
        self._clock, self._time = time, self._time + passed
        return self._time

    def _take(self) -> None:
        """Have the waiting frames in the grid; who was away for long has the id of before."""
        grid, known = self._grid, len(self._grid.owners)
        grid.append(self._waiting, self._times)
        for column, owner in enumerate(grid.owners[known:].tolist(), start=known):
            if owner in self._asleep:
                grid.ids[column], grid.labels[column] = self._asleep.pop(owner)
        self._waiting, self._times = [], []

    def _settle(self, stop: int) -> None:
        """Put identities right in the frames that are not settled yet, up to `stop`."""
        grid, start, config = self._grid, self._settled, self._config
        self._settled = stop
        if not len(grid.owners):
            return
        merge_doubles(grid, met(grid, start, stop), self._fixed)
        ends = Ends(grid)
        if put_right(grid, ends, self._fixed, start, stop, config):
            ends = Ends(grid)
        ends = split(grid, ends, start, stop, config)
        link(grid, ends, start, stop, config)
        extend_back(grid, self._fixed, start, stop, config)

    def _hand_out(self, stop: int) -> list[RefinedFrame]:
        """The frames up to `stop`; what is no longer looked back at is forgotten."""
        self._name(stop)
        frames = list(self._frames(slice(self._fixed, stop)))
        self._fixed = stop
        if stop:
            times = self._grid.times
            self._forget(int(np.searchsorted(times, times[stop - 1] - _HISTORY)))
        return frames

    def _name(self, stop: int) -> None:
        """Give those that begin before `stop` an id and their class, if they last; forget the others."""
        grid = self._grid
        first = grid.seen.argmax(0)
        is_new = (grid.ids == 0) & grid.seen.any(0) & (first < stop)
        is_false = is_new & (self._lasting() < self._config.shortest)
        lasting = (is_new & ~is_false).nonzero()[0]
        for column in lasting[np.lexsort((grid.owners[lasting], first[lasting]))].tolist():
            self._last_id += 1
            grid.ids[column], grid.labels[column] = self._last_id, grid.vote(column)
        grid.keep_columns(~is_false)

    def _lasting(self) -> Array:
        """`(N,)`: how many seconds each object was there, weighed by its mean score."""
        seen, times = self._grid.seen, self._grid.times
        span = times[len(times) - 1 - seen[::-1].argmax(0)] - times[seen.argmax(0)] + self._period
        return np.asarray(span * self._grid.scores.sum(0) / np.maximum(seen.sum(0), 1), np.float64)

    def _frames(self, at: slice) -> Iterator[RefinedFrame]:
        """What there is in some frames, along the smoothed paths."""
        grid = self._grid
        shown = self._shown()[at] & (grid.ids > 0)
        columns = shown.any(0).nonzero()[0]
        columns = columns[np.argsort(grid.ids[columns])]
        shown, seen = shown[:, columns], grid.seen[:, columns]
        known = np.concatenate([grid.boxes[:, columns], grid.scores[:, columns, None]], 2)
        paths = smoothed(grid.times, at, seen, known, self._config.smoothing)
        boxes = from_common(grid.maps[at], paths[..., :4]).astype(np.float32)
        scores = np.where(seen[at], grid.scores[at, columns], paths[..., 4]).clip(0, 1).astype(np.float32)
        ids, labels, rows = grid.ids[columns], grid.labels[columns], grid.rows[at, columns]
        for frame, here in enumerate(shown):
            found = Detections(boxes[frame, here], scores[frame, here], labels[here])
            yield RefinedFrame(ids[here], found, rows[frame, here])

    def _shown(self) -> BoolArray:
        """`(F, N)`: where an object is: seen, or in a gap that is filled."""
        seen, times = self._grid.seen, self._grid.times
        last, next_ = previous(seen), following(seen)
        is_between = (last >= 0) & (next_ < len(seen))
        gaps = np.append(times, np.inf)[next_] - times[last]
        return seen | (is_between & (gaps <= self._config.longest_gap + 1e-6))

    def _forget(self, count: int) -> None:
        """Drop the first frames and whom is seen in none of the others, but for their ids."""
        grid = self._grid
        grid.drop_frames(count)
        self._fixed, self._settled = self._fixed - count, self._settled - count
        is_left = np.asarray(grid.seen.any(0), np.bool_)
        for column in (~is_left & (grid.owners > 0)).nonzero()[0].tolist():
            self._asleep[int(grid.owners[column])] = int(grid.ids[column]), int(grid.labels[column])
        grid.keep_columns(is_left)
