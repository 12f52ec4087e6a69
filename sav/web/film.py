"""A video that is done: its tracks as a table, and single frames with what is selected drawn on them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.scene import Scene
from sav.data.types import UNLABELLED, BoolArray, FloatArray, Frame, IntArray
from sav.errors import ResultsError
from sav.media.reader import open_video
from sav.runs.stored import opened
from sav.web.clicks import CHOOSE, NONE, TOGGLE, Click
from sav.web.picture import Picture, row_at
from sav.web.table import rows_of, toggled

# Seconds by which a browser may be short of the time of the frame that it shows.
_SLACK = 1e-3
# Seconds for which the last frame may be shown.
_LAST = 3600.0


@dataclass(frozen=True, eq=False)
class Film:
    """F frames and T tracks, of objects and then of regions, in order of their ids.

    Attributes:
        run: The MP4; what was found is stored beside it.
        source: The video that was handed in.
        size_hw: Height and width of a frame in pixels.
        indices: `(F,)` int64, each frame's index in the source.
        times: `(F,)` float64, when each is shown, in seconds.
        ids: `(T,)` int64.
        names: T names of classes.
        scores: `(T,)` float32, means.
        counts: `(T,)` int64, in how many frames each is.
        spans: `(T, 2)` int64, positions of the first and the last of them.
        chosen: `(T,)` bool: what the visitor has selected.
    """

    run: Path
    source: Path
    size_hw: tuple[int, int]
    indices: IntArray
    times: NDArray[np.float64]
    ids: IntArray
    names: tuple[str, ...]
    scores: FloatArray
    counts: IntArray
    spans: IntArray
    chosen: BoolArray

    @classmethod
    def of(cls, run: Path, source: Path) -> Film:
        """Read what a run has stored.

        Raises:
            SavError: There is nothing, or it cannot be read.
        """
        indices, times, columns, names = [], [], [], dict[int, str]()
        with opened(run) as store:
            for position, scene in enumerate(store.scenes()):
                indices.append(scene.frame.index)
                times.append(float(scene.frame.time))
                seen = scene.instances
                columns.append(np.stack([seen.ids, seen.scores, np.full(len(seen), position)]))
                classes = [*scene.class_names, *[UNLABELLED] * len(scene.regions)]
                names.update(zip(seen.ids.tolist(), classes, strict=True))

        ids, scores, counts, spans = _tracks(*np.concatenate(columns, axis=1))
        return cls(
            run=run,
            source=source,
            size_hw=scene.size_hw,
            indices=np.array(indices, np.int64),
            times=np.array(times),
            ids=ids,
            names=tuple(names[track_id] for track_id in ids.tolist()),
            scores=scores,
            counts=counts,
            spans=spans,
            chosen=np.zeros(len(ids), np.bool_),
        )

    @property
    def chosen_ids(self) -> tuple[int, ...]:
        """The ids of what is selected; none means all."""
        return tuple(self.ids[self.chosen].tolist())

    def position_at(self, seconds: float) -> int:
        """The position of the frame that is shown at a time."""
        after = int(np.searchsorted(self.times, seconds + _SLACK, side="right"))
        return min(max(after - 1, 0), len(self.times) - 1)

    def shown_at(self, position: int) -> dict[str, float]:
        """When a frame is shown, `from` and `to`, in seconds."""
        later = self.times[position + 1 :]
        return {
            "from": float(self.times[position]),
            "to": float(later[0] if len(later) else self.times[-1] + _LAST),
        }

    def after(self, click: Click, position: int) -> Film:
        """With what a click in a frame, or on a row, has selected; see `sav.web.clicks`."""
        if click.do == CHOOSE:
            row = self.track_at(position, *click.within(self.size_hw).tolist())
            return self if row is None else self.toggled(row)
        if click.do == TOGGLE:
            return self.toggled(click.row)
        return self.none_chosen() if click.do == NONE else self

    def toggled(self, row: int) -> Film:
        """With one track selected that was not, or the other way round.

        Raises:
            SettingError: There is no such row.
        """
        return replace(self, chosen=toggled(self.chosen, row))

    def none_chosen(self) -> Film:
        """With nothing selected."""
        return replace(self, chosen=np.zeros(len(self.ids), np.bool_))

    def track_at(self, position: int, x: float, y: float) -> int | None:
        """The row of the track at a place in a frame, in pixels; of several the smallest object's there."""
        scene = self._scene(position)
        found = row_at(scene, x, y)
        return None if found is None else int(np.searchsorted(self.ids, scene.instances.ids[found]))

    def still(self, position: int, known: Frame | None = None) -> Picture:
        """A frame with what is selected, or with all where nothing is.

        `known` may be that frame, if it was read before.

        Raises:
            SavError: The video cannot be read any more.
        """
        scene = self._scene(position)
        scene = replace(scene, frame=known if known is not None else self._frame(scene.frame))
        return Picture(scene.with_ids(self.chosen_ids) if self.chosen.any() else scene)

    def table(self) -> list[dict[str, Any]]:
        """A row for each track, in words that JSON knows; `first` and `last` are seconds."""
        pairs = zip(self.ids.tolist(), self.names, strict=True)
        columns = {
            "number": ["" if name == UNLABELLED else str(track_id) for track_id, name in pairs],
            "name": [*self.names],
            "score": self.scores.round(2).tolist(),
            "frames": self.counts.tolist(),
            "first": self.times[self.spans[:, 0]].tolist(),
            "last": self.times[self.spans[:, 1]].tolist(),
            "chosen": self.chosen.tolist(),
        }
        return rows_of(columns)

    def _scene(self, position: int) -> Scene:
        with opened(self.run) as store:
            return store.at(int(self.indices[position]))

    def _frame(self, frame: Frame) -> Frame:
        """A frame with its pixels, which are read from the source."""
        start, end = str(frame.index), str(frame.index + 1)
        with closing(open_video(self.source, start, end)) as reader:
            read = next(iter(reader), None)
        if read is None:
            raise ResultsError("that frame cannot be read any more: drop the file again")
        return replace(read, index=frame.index, name=f"{self.source.stem}_{frame.index:06d}.jpg")


def _tracks(
    all_ids: NDArray[np.float64], all_scores: NDArray[np.float64], positions: NDArray[np.float64]
) -> tuple[IntArray, FloatArray, IntArray, IntArray]:
    """Ids, mean scores, counts and spans of tracks, out of what was seen frame by frame."""
    ids, first, tracks, counts = np.unique(
        all_ids.astype(np.int64), return_index=True, return_inverse=True, return_counts=True
    )
    last = np.zeros(len(ids))
    last[tracks] = positions  # of several the last one stays
    scores = np.bincount(tracks, all_scores, len(ids)) / counts
    spans = np.stack([positions[first], last], axis=1)
    return ids, scores.astype(np.float32), counts.astype(np.int64), spans.astype(np.int64)
