"""All that a tracker knows of its tracks, one row a track, as parallel arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Indices, Tracks
from sav.trackers.cues import Cue
from sav.trackers.kalman import POSITION, VELOCITY, Array, BoxFilter

UNCONFIRMED, TRACKED, LOST, ABSENT = range(4)

Numbers = NDArray[np.int64]

_IDS, _PHASES, _FIRST_FRAMES, _LAST_FRAMES, _DETECTIONS = range(5)  # rows of the table's whole numbers


class TrackTable:
    """The live and the lost tracks of one video.

    Attributes:
        boxes_xyxy: `(N, 4)` float64, the filtered boxes.
    """

    def __init__(self, box_filter: BoxFilter, least_evidence: float = 0.0, cues: Sequence[Cue] = ()) -> None:
        """Begin without tracks.

        Args:
            box_filter: What the boxes' motion is followed with.
            least_evidence: What the scores of a track's detections must add up to before it is confirmed, by
                its second match at the earliest.
            cues: What is to be remembered of each track beside its box.
        """
        self._filter, self._least_evidence, self._cues = box_filter, least_evidence, cues
        self._states: Array = np.zeros((5, 0, 4))
        self._numbers: Numbers = np.zeros((5, 0), np.int64)
        self._votes: Array = np.zeros((0, 0))
        self._classes: Numbers = np.zeros(0, np.int64)
        self._last_id = 0
        self.boxes_xyxy: Array = np.zeros((0, 4))

    def __len__(self) -> int:
        return self._numbers.shape[1]

    @property
    def ids(self) -> Numbers:
        """`(N,)` int64, from 1 in the order of confirmation; 0 while unconfirmed."""
        return self._numbers[_IDS]

    @property
    def phases(self) -> Numbers:
        """`(N,)`: `UNCONFIRMED` (begun), `TRACKED` (seen in the last frame), `LOST`, `ABSENT` (for long)."""
        return self._numbers[_PHASES]

    @property
    def first_frames(self) -> Numbers:
        """`(N,)` int64, when each track began."""
        return self._numbers[_FIRST_FRAMES]

    @property
    def last_frames(self) -> Numbers:
        """`(N,)` int64, when each was last seen."""
        return self._numbers[_LAST_FRAMES]

    def predict(self, warp: Array | None) -> None:
        """Move every track on by one frame, and along `warp` `(2, 3)` where the camera moved."""
        self._states = self._filter.predict(self._states, self.phases == LOST)
        if warp is not None:
            self._filter.warp(self._states, warp)
        self.boxes_xyxy = self._filter.boxes_xyxy(self._states)

    def shift(self, by_xy: Array) -> None:
        """Move every track by `(2,)` pixels, as it moves in the picture when the camera turns."""
        self._states[POSITION, :, :2] += by_xy
        self.boxes_xyxy = self._filter.boxes_xyxy(self._states)

    def observe(self, rows: Indices, detections: Detections, chosen: Indices, frame: int) -> Indices:
        """Correct the tracks in `rows` by the `chosen` detections, one each; returns the rows to confirm."""
        if not len(rows):
            return rows
        boxes = detections.boxes_xyxy[chosen].astype(np.float64)
        states = self._filter.correct(self._states.take(rows, 1), boxes)
        self._states[:, rows] = states
        self.boxes_xyxy[rows] = self._filter.boxes_xyxy(states)
        self._record(rows, detections, chosen, frame)
        for cue in self._cues:
            cue.observe(rows, detections, chosen)

        known = self.ids[rows] > 0
        if np.count_nonzero(known) == len(rows):
            return rows
        return rows[known | (self._votes[rows].sum(1) >= self._least_evidence)]

    def start(self, detections: Detections, chosen: Indices, frame: int) -> Indices:
        """Begin a track, unconfirmed, at each of the `chosen` detections, and return their rows."""
        before, count = len(self), len(chosen)
        boxes = detections.boxes_xyxy[chosen].astype(np.float64)
        numbers = np.zeros((5, count), np.int64)
        numbers[_PHASES], numbers[_FIRST_FRAMES] = UNCONFIRMED, frame
        self._states = np.concatenate([self._states, self._filter.start(boxes)], 1)
        self._votes = np.concatenate([self._votes, np.zeros((count, len(self._classes)))])
        self._numbers = np.concatenate([self._numbers, numbers], 1)
        self.boxes_xyxy = np.concatenate([self.boxes_xyxy, boxes])
        for cue in self._cues:
            cue.start(detections, chosen)
        rows = np.arange(before, before + count)
        self._record(rows, detections, chosen, frame)
        return rows

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget every track that is not `kept`, a mask over the rows."""
        self._states, self._votes = self._states[:, kept], self._votes[kept]
        self._numbers, self.boxes_xyxy = self._numbers[:, kept], self.boxes_xyxy[kept]
        for cue in self._cues:
            cue.keep(kept)

    def take_over(self, rows: Indices, others: Indices) -> None:
        """Have the tracks in `rows` be those in `others`, one each, seen again.

        They get the others' ids, ages and votes; of the others nothing is left.
        """
        self._numbers[_IDS, rows], self._numbers[_IDS, others] = self._numbers[_IDS, others], 0
        self._numbers[_FIRST_FRAMES, rows] = self._numbers[_FIRST_FRAMES, others]
        self._numbers[_PHASES, others] = UNCONFIRMED
        self._votes[rows] += self._votes[others]

    def class_columns(self, rows: Indices) -> Indices:
        """Return a number for the class of each of `rows`, by vote."""
        return self._votes[rows].argmax(1)

    def boxes_ahead(self, frames: int) -> Array:
        """Return where each box, `(N, 4)` corners, will be so many `frames` later if nothing changes."""
        ahead = self._states.copy()
        ahead[POSITION] += frames * ahead[VELOCITY]
        return self._filter.boxes_xyxy(ahead)

    def visible(self) -> Tracks:
        """Return the tracked rows: what to show of this frame."""
        rows = (self.phases == TRACKED).nonzero()[0]
        if not len(rows):
            return Tracks.empty()
        numbers = self._numbers.take(rows, 1)
        return Tracks(
            numbers[_IDS],
            numbers[_DETECTIONS],
            self.boxes_xyxy[rows].astype(np.float32),
            self._classes[self._votes[rows].argmax(1)],
        )

    def _record(self, rows: Indices, detections: Detections, chosen: Indices, frame: int) -> None:
        self.last_frames[rows] = frame
        self._numbers[_DETECTIONS, rows] = chosen
        columns = self._vote_columns(detections.class_ids[chosen])
        self._votes[rows, columns] += detections.scores[chosen]

    def confirm(self, rows: Indices) -> None:
        """Count `rows` as tracked; those that have no id yet get theirs."""
        self.phases[rows] = TRACKED
        fresh = rows[self._numbers[_IDS, rows] == 0]
        if len(fresh):
            self.ids[fresh] = np.arange(self._last_id + 1, self._last_id + 1 + len(fresh))
            self._last_id += len(fresh)

    def _vote_columns(self, class_ids: Numbers) -> Indices:
        """Return the column of each class among the votes, making columns for classes not met before."""
        columns = self._classes.searchsorted(class_ids)
        if len(self._classes) and (self._classes.take(columns, mode="clip") == class_ids).all():
            return columns
        classes = np.union1d(self._classes, class_ids)
        votes = np.zeros((len(self), len(classes)))
        votes[:, np.searchsorted(classes, self._classes)] = self._votes
        self._classes, self._votes = classes, votes
        return np.searchsorted(classes, class_ids)
