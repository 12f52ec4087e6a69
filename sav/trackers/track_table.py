"""All that a tracker knows of its tracks, one row a track, as parallel arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Tracks
from sav.trackers.kalman import POSITION, VELOCITY, Array, BoxFilter

UNCONFIRMED, TRACKED, LOST = range(3)

Indices = NDArray[np.intp]


class TrackTable:
    """The live and the lost tracks of one video.

    Attributes:
        ids: `(N,)` int64, from 1 in the order of confirmation; 0 while unconfirmed.
        phases: `(N,)` int8, one of `UNCONFIRMED` (seen once), `TRACKED` (seen in the last frame) and `LOST`.
        first_frames: `(N,)` int64, when each track began.
        last_frames: `(N,)` int64, when each was last seen.
        boxes_xyxy: `(N, 4)` float64, the filtered boxes.
    """

    def __init__(self, box_filter: BoxFilter) -> None:
        self._filter = box_filter
        self._states: Array = np.zeros((5, 0, 4))
        self._detection_indices = np.zeros(0, np.int64)
        self._votes: Array = np.zeros((0, 0))
        self._classes: NDArray[np.int64] = np.zeros(0, np.int64)
        self._last_id = 0
        self.ids = np.zeros(0, np.int64)
        self.phases = np.zeros(0, np.int8)
        self.first_frames = np.zeros(0, np.int64)
        self.last_frames = np.zeros(0, np.int64)
        self.boxes_xyxy: Array = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self.ids)

    def predict(self, warp: Array | None) -> None:
        """Move every track on by one frame, and along `warp` `(2, 3)` where the camera moved."""
        self._states = self._filter.predict(self._states, self.phases == LOST)
        if warp is not None:
            self._filter.warp(self._states, warp)
        self.boxes_xyxy = self._filter.boxes_xyxy(self._states)

    def observe(self, rows: Indices, detections: Detections, chosen: Indices, frame: int) -> None:
        """Correct the tracks in `rows` by the `chosen` detections, one each, and count them as tracked."""
        boxes = detections.boxes_xyxy[chosen].astype(np.float64)
        states = self._filter.correct(self._states[:, rows], boxes)
        self._states[:, rows] = states
        self.boxes_xyxy[rows] = self._filter.boxes_xyxy(states)
        self.phases[rows] = TRACKED
        self._record(rows, detections, chosen, frame)

    def start(self, detections: Detections, chosen: Indices, phase: int, frame: int) -> None:
        """Begin a track, in `phase`, at each of the `chosen` detections."""
        before, count = len(self), len(chosen)
        boxes = detections.boxes_xyxy[chosen].astype(np.float64)
        unset = np.zeros(count, np.int64)
        self._states = np.concatenate([self._states, self._filter.start(boxes)], 1)
        self._votes = np.concatenate([self._votes, np.zeros((count, len(self._classes)))])
        self._detection_indices = np.concatenate([self._detection_indices, unset])
        self.boxes_xyxy = np.concatenate([self.boxes_xyxy, boxes])
        self.ids = np.concatenate([self.ids, unset])
        self.phases = np.concatenate([self.phases, np.full(count, phase, np.int8)])
        self.first_frames = np.concatenate([self.first_frames, unset + frame])
        self.last_frames = np.concatenate([self.last_frames, unset])
        self._record(np.arange(before, before + count), detections, chosen, frame)

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forget every track that is not `kept`, a mask over the rows."""
        self._states, self._votes = self._states[:, kept], self._votes[kept]
        self._detection_indices, self.boxes_xyxy = self._detection_indices[kept], self.boxes_xyxy[kept]
        self.ids, self.phases = self.ids[kept], self.phases[kept]
        self.first_frames, self.last_frames = self.first_frames[kept], self.last_frames[kept]

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
        return Tracks(
            self.ids[rows],
            self._detection_indices[rows],
            self.boxes_xyxy[rows].astype(np.float32),
            self._classes[self._votes[rows].argmax(1)],
        )

    def _record(self, rows: Indices, detections: Detections, chosen: Indices, frame: int) -> None:
        self.last_frames[rows] = frame
        self._detection_indices[rows] = chosen
        columns = self._vote_columns(detections.class_ids[chosen])
        self._votes[rows, columns] += detections.scores[chosen]
        fresh = ((self.ids == 0) & (self.phases != UNCONFIRMED)).nonzero()[0]
        self.ids[fresh] = np.arange(self._last_id + 1, self._last_id + 1 + len(fresh))
        self._last_id += len(fresh)

    def _vote_columns(self, class_ids: NDArray[np.int64]) -> Indices:
        """Return the column of each class among the votes, making columns for classes not met before."""
        columns = np.searchsorted(self._classes, class_ids)
        if len(self._classes) and (self._classes.take(columns, mode="clip") == class_ids).all():
            return columns
        classes = np.union1d(self._classes, class_ids)
        votes = np.zeros((len(self), len(classes)))
        votes[:, np.searchsorted(classes, self._classes)] = self._votes
        self._classes, self._votes = classes, votes
        return np.searchsorted(classes, class_ids)
