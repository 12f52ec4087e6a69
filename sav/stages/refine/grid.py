"""The last seconds as a table: a row a frame, a column an object, as dense arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, Detections, IntArray
from sav.stages.refine.camera import Array, as_step, mapped, to_common
from sav.stages.refine.frames import TrackedFrame

_LAYERS = ("seen", "boxes", "scores", "classes", "rows")


class Grid:
    """F frames and N objects; whose column a tracker's id is changes where identities are put right.

    Attributes:
        times: `(F,)` float64, seconds.
        maps: `(F, 3, 3)` float64, from each frame's pixels to the common picture, which is the first frame.
        seen: `(F, N)` bool, where there is a box.
        boxes: `(F, N, 4)` float64, centre and size in the common picture; 0 where there is none.
        scores: `(F, N)` float64, likewise.
        classes: `(F, N)` int64.
        rows: `(F, N)` int64, the row of the tracked frame; -1 where there is none.
        owners: `(N,)` int64, whose boxes go on a column: a tracker's id, or 0 for nobody's.
        ids: `(N,)` int64, the refined id; 0 before it is given one.
        twins: Pairs of owners that were one object, the one whose column stays first.
        labels: `(N,)` int64, the class, once there is an id.
    """

    def __init__(self) -> None:
        self.times: Array = np.zeros(0)
        self.maps: Array = np.zeros((0, 3, 3))
        self.seen: BoolArray = np.zeros((0, 0), np.bool_)
        self.boxes: Array = np.zeros((0, 0, 4))
        self.scores: Array = np.zeros((0, 0))
        self.classes: IntArray = np.zeros((0, 0), np.int64)
        self.rows: IntArray = np.zeros((0, 0), np.int64)
        self.owners: IntArray = np.zeros(0, np.int64)
        self.ids: IntArray = np.zeros(0, np.int64)
        self.labels: IntArray = np.zeros(0, np.int64)
        self.twins: set[tuple[int, int]] = set()
        self._unused: list[Detections] = []

    def __len__(self) -> int:
        return len(self.times)

    def append(self, frames: Sequence[TrackedFrame], times: Sequence[float]) -> None:
        """Add frames, and a column for each tracker's id that has none."""
        start, count = len(self), len(frames)
        ids = np.concatenate([frame.ids for frame in frames])
        self.add_columns(np.setdiff1d(ids, self.owners))
        self.times = np.concatenate([self.times, times])
        self._append_maps(frames)
        for name in _LAYERS:
            layer = getattr(self, name)
            fresh = np.zeros((count, *layer.shape[1:]), layer.dtype)
            setattr(self, name, np.concatenate([layer, fresh]))

        order = np.argsort(self.owners)
        columns = order[np.searchsorted(self.owners, ids, sorter=order)]
        lengths = [len(frame.ids) for frame in frames]
        at = np.repeat(np.arange(start, start + count), lengths)
        self.seen[at, columns] = True
        self.boxes[at, columns] = self._common(at, np.concatenate([f.boxes.boxes_xyxy for f in frames]))
        self.scores[at, columns] = np.concatenate([frame.boxes.scores for frame in frames])
        self.classes[at, columns] = np.concatenate([frame.boxes.class_ids for frame in frames])
        self.rows[start:] = -1
        self.rows[at, columns] = np.concatenate([np.arange(length) for length in lengths])
        self._unused += [_unused(frame) for frame in frames]

    def drop_frames(self, count: int) -> None:
        """Forget the first frames; the first of the others becomes the common picture."""
        back = np.linalg.inv(self.maps[count]) if count < len(self) else np.eye(3)
        self.boxes = np.where(self.seen[count:, :, None], mapped(back[None], self.boxes[count:]), 0)
        self.maps, self.times = back @ self.maps[count:], self.times[count:]
        for name in _LAYERS:
            if name != "boxes":
                setattr(self, name, getattr(self, name)[count:])
        del self._unused[:count]

    def add_columns(self, owners: IntArray) -> None:
        """Add an empty column for each of `owners`."""
        count = len(owners)
        for name in _LAYERS:
            layer = getattr(self, name)
            fresh = np.full((len(self), count, *layer.shape[2:]), -1 if name == "rows" else 0, layer.dtype)
            setattr(self, name, np.concatenate([layer, fresh], 1))
        self.owners = np.concatenate([self.owners, owners])
        self.ids = np.concatenate([self.ids, np.zeros(count, np.int64)])
        self.labels = np.concatenate([self.labels, np.zeros(count, np.int64)])

    def keep_columns(self, kept: BoolArray) -> None:
        """Forget every column that is not `kept`."""
        for name in _LAYERS:
            setattr(self, name, getattr(self, name)[:, kept])
        self.owners, self.ids, self.labels = self.owners[kept], self.ids[kept], self.labels[kept]
        self.twins = {pair for pair in self.twins if pair[0] in self.owners}

    def swap(self, one: int, other: int, start: int) -> None:
        """Exchange two columns from the frame `start` on, and in all that comes."""
        pair, crossed = [one, other], [other, one]
        for name in _LAYERS:
            layer: NDArray[Any] = getattr(self, name)
            layer[start:, pair] = layer[start:, crossed]
        self.owners[pair] = self.owners[crossed]

    def take_over(self, keeps: int, goes: int, start: int) -> None:
        """Give a column what another has with a higher score, from the frame `start` on."""
        better = self.scores[start:, goes] > self.scores[start:, keeps]
        at = start + better.nonzero()[0]
        for name in _LAYERS:
            layer: NDArray[Any] = getattr(self, name)
            layer[at, keeps] = layer[at, goes]
            layer[start:, goes] = -1 if name == "rows" else 0

    def put(self, at: int, column: int, box: Array, score: float, class_id: int) -> None:
        """Add a box that nobody tracked, `(4,)` in the common picture."""
        self.seen[at, column], self.boxes[at, column] = True, box
        self.scores[at, column], self.classes[at, column] = score, class_id

    def vote(self, column: int) -> int:
        """The class that an object's boxes speak for, by their scores."""
        seen = self.seen[:, column]
        classes, votes = np.unique(self.classes[seen, column], return_inverse=True)
        return int(classes[np.bincount(votes.ravel(), self.scores[seen, column]).argmax()])

    def unused(self, at: int) -> tuple[Detections, Array]:
        """What the detector saw in a frame that is no track's, and those boxes in the common picture."""
        found = self._unused[at]
        return found, self._common(np.full(len(found), at), found.boxes_xyxy)

    def use(self, at: int, place: int) -> None:
        """Take one of the `unused` away."""
        found = self._unused[at]
        self._unused[at] = found[np.arange(len(found)) != place]

    def _append_maps(self, frames: Sequence[TrackedFrame]) -> None:
        maps, last = [], self.maps[-1] if len(self.maps) else None
        for frame in frames:
            last = np.eye(3) if last is None else last @ as_step(frame.warp)
            maps.append(last)
        self.maps = np.concatenate([self.maps, maps])

    def _common(self, at: NDArray[Any], boxes_xyxy: NDArray[Any]) -> Array:
        """Boxes of the frames `at` in the common picture."""
        return to_common(self.maps[at], boxes_xyxy[:, None].astype(np.float64))[:, 0]


def _unused(frame: TrackedFrame) -> Detections:
    """The candidates that are not among the tracked boxes."""
    if not len(frame.candidates):
        return frame.candidates
    same = (frame.candidates.boxes_xyxy[:, None] == frame.boxes.boxes_xyxy).all(-1)
    return frame.candidates[~same.any(1)]


def previous(seen: BoolArray) -> IntArray:
    """`(F, N)`: the last frame before each in which the object is seen; -1 for none."""
    numbers = np.where(seen, np.arange(len(seen))[:, None], -1)
    earlier = np.concatenate([np.full((1, seen.shape[1]), -1), numbers[:-1]])
    return np.maximum.accumulate(earlier, 0)


def following(seen: BoolArray) -> IntArray:
    """`(F, N)`: the next frame after each in which the object is seen; F for none."""
    return len(seen) - 1 - previous(seen[::-1])[::-1]
