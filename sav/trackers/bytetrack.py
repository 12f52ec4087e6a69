"""ByteTrack: strong detections are matched first, weak ones then keep alive what would be lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Image, Indices, Tracks
from sav.trackers.association import assign, box_iou
from sav.trackers.config import TrackerConfig
from sav.trackers.cues import Ask
from sav.trackers.kalman import Array, AspectHeightFilter, BoxFilter
from sav.trackers.track_table import LOST, TRACKED, UNCONFIRMED, TrackTable

_LEAST_WEAK = 0.5  # least overlap in the second association (arXiv 2110.06864, section 3)
_LEAST_UNCONFIRMED = 0.3  # least similarity that confirms a track
_BUFFER_FRAME_RATE = 30.0  # lost tracks are remembered for as long a time as in a video of this rate
_DUPLICATE_IOU = 0.85  # a live and a lost track that overlap this much are one object,
_DUPLICATE_FRAMES, _DUPLICATE_IOU_AHEAD = 5, 0.5  # if so many frames ahead they still overlap this much


class ByteTrack:
    """Multi-object tracker by motion and overlap alone (Zhang et al. 2022, arXiv 2110.06864).

    Every frame, tracks are moved on by a Kalman filter and matched to detections by overlap: confirmed and
    lost tracks to strong detections, then tracks still unmatched to weak ones. A strong detection that no
    track claims starts a track, which is shown from its second match on (in the first frame at once).
    """

    def __init__(self, config: TrackerConfig, *, frame_rate: float = 30.0) -> None:
        self._config = config
        self._longest_absence = round(config.track_buffer * frame_rate / _BUFFER_FRAME_RATE)
        self._frame = 0
        self._table = self._new_table()

    def update(
        self,
        detections: Detections,
        image: Image | None = None,
        warp: NDArray[Any] | None = None,
        ask: Ask | None = None,
    ) -> Tracks:
        """Advance by one frame, as an `AskingTracker` does; one that compares no masks never asks."""
        self._frame += 1
        usable = self._usable(detections)
        boxes, strong = (
            detections.boxes_xyxy[usable],
            detections.scores[usable] >= self._config.track_high_thresh,
        )
        camera_warp = self._camera_warp(image, warp)
        self._table.predict(camera_warp)
        overlaps = box_iou(self._table.boxes_xyxy, boxes)
        if camera_warp is None and self._settle(boxes, strong, overlaps):
            overlaps = box_iou(self._table.boxes_xyxy, boxes)
        detections, overlaps = self._by_masks(detections, usable, overlaps, ask)
        rows, columns = self._associate(detections, usable, strong, overlaps)
        unseen = np.ones(len(self._table), bool)
        unseen[rows] = strong[columns] = False
        self._confirm(self._table.observe(rows, detections, usable[columns], self._frame), unseen)
        self._let_go(unseen)
        self._start_tracks(detections, usable[strong])
        self._drop_duplicates()
        return self._table.visible()

    def _new_table(self) -> TrackTable:
        return TrackTable(self._box_filter())

    def _box_filter(self) -> BoxFilter:
        return AspectHeightFilter()

    def _camera_warp(self, image: Image | None, warp: NDArray[Any] | None) -> Array | None:
        return None if warp is None else np.asarray(warp, np.float64)

    def _settle(self, boxes: NDArray[Any], strong: NDArray[np.bool_], overlaps: NDArray[Any]) -> bool:
        """Mend where tracks are expected, of whose camera nothing is known, by boxes; whether it was done.

        Args:
            boxes: `(M, 4)`, what is seen.
            strong: `(M,)`, which of it is sure.
            overlaps: `(N, M)` with the tracks' boxes.
        """
        return False

    def _by_masks(
        self, detections: Detections, usable: Indices, overlaps: NDArray[Any], ask: Ask | None
    ) -> tuple[Detections, NDArray[Any]]:
        """Return the detections and overlaps, `(N, M)`, with what their masks tell."""
        return detections, overlaps

    def _usable(self, detections: Detections) -> Indices:
        """Return the rows of detections with an area and enough score."""
        corners = detections.boxes_xyxy
        solid = (corners[:, 2:] > corners[:, :2]).all(1)
        return (solid & (detections.scores > self._config.track_low_thresh)).nonzero()[0]

    def _associate(
        self,
        detections: Detections,
        usable: Indices,
        strong: NDArray[np.bool_],
        overlaps: NDArray[Any],
    ) -> tuple[Indices, Indices]:
        """Match tracks to `usable` detections in three rounds; return rows of both, paired."""
        phases = self._table.phases
        fused = overlaps * detections.scores[usable] if self._config.fuse_score else overlaps
        alike = self._weighed(fused, overlaps, detections, usable)
        tracked = phases == TRACKED
        rounds = (
            (tracked | (phases == LOST), strong, alike, 1 - self._config.match_thresh),
            (tracked, ~strong, overlaps, _LEAST_WEAK),
            (phases == UNCONFIRMED, strong, fused, _LEAST_UNCONFIRMED),
        )
        partners, free = np.full(len(phases), -1), np.ones(len(usable), bool)
        for tracks, candidates, similarities, least in rounds:
            columns = (candidates & free).nonzero()[0]
            rows = (tracks & (partners < 0)).nonzero()[0] if len(columns) else columns
            if not len(rows):
                continue
            i, j = assign(similarities[rows[:, None], columns], least)
            partners[rows[i]] = columns[j]
            free[columns[j]] = False
        rows = (partners >= 0).nonzero()[0]
        return rows, partners[rows]

    def _weighed(
        self, fused: NDArray[Any], overlaps: NDArray[Any], detections: Detections, usable: Indices
    ) -> NDArray[Any]:
        """Return the similarities, `(N, M)`, of the first round, out of overlaps with and without scores."""
        return fused

    def _confirm(self, rows: Indices, unseen: NDArray[np.bool_]) -> None:
        """Show the tracks in `rows`, which were matched."""
        self._table.confirm(rows)

    def _let_go(self, unseen: NDArray[np.bool_]) -> None:
        """Set `unseen` tracks aside as lost; forget the unconfirmed, and what was away for too long."""
        if not np.count_nonzero(unseen):
            return
        table = self._table
        table.phases[unseen & (table.phases == TRACKED)] = LOST
        expired = self._expired(self._frame - table.last_frames)
        gone = unseen & ((table.phases == UNCONFIRMED) | expired)
        if gone.any():
            table.keep(~gone)

    def _expired(self, absences: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which tracks are to be forgotten, `(N,)`, by the frames since each was seen."""
        return absences > self._longest_absence

    def _start_tracks(self, detections: Detections, unclaimed: Indices) -> None:
        """Begin tracks at strong detections that no track claimed."""
        fresh = unclaimed[detections.scores[unclaimed] >= self._config.new_track_thresh]
        if len(fresh):
            rows = self._table.start(detections, fresh, self._frame)
            if self._frame == 1:
                self._table.confirm(rows)

    def _drop_duplicates(self) -> None:
        """Where a live and a lost track lie on each other and move alike, keep the one followed for longer.

        One that passes behind another lies on it too, but not for long.
        """
        table = self._table
        is_lost = table.phases == LOST
        lost = is_lost.nonzero()[0]
        if not len(lost):
            return
        live = (table.phases < LOST).nonzero()[0]
        i, j = (box_iou(table.boxes_xyxy[lost], table.boxes_xyxy[live]) > _DUPLICATE_IOU).nonzero()
        if not len(i):
            return
        ahead = table.boxes_ahead(_DUPLICATE_FRAMES)
        alike = box_iou(ahead[lost], ahead[live])[i, j] > _DUPLICATE_IOU_AHEAD
        lost, live = lost[i[alike]], live[j[alike]]
        ages = table.last_frames - table.first_frames
        kept = np.ones(len(table), bool)
        kept[np.where(ages[live] >= ages[lost], lost, live)] = False
        table.keep(kept)
