"""The best combination: BoT-SORT, with what was measured to help beyond the papers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Indices
from sav.trackers.appearance import AppearanceCue
from sav.trackers.association import assign
from sav.trackers.botsort import BoTSORT
from sav.trackers.camera_shift import camera_shift
from sav.trackers.config import TrackerConfig
from sav.trackers.cues import Ask, Cue
from sav.trackers.mask_cue import MaskCue
from sav.trackers.track_table import ABSENT, LOST, TRACKED

# Seconds for which looks are remembered: long enough to walk round a house, and memory stays bounded.
_LONGEST_MEMORY = 30.0
# Seconds from a track's beginning in which it can turn out to be another one, and how often it is compared.
_YOUTH, _LOOKS_IN_YOUTH = 1.0, 5
# By how much a track must be more alike to what is seen again than any other one is.
_LEAST_LEAD = 0.05
# Overlap from which a track and a detection may be one object, as far as masks are looked at.
_LEAST_NEAR = 0.1
# Share of an overlap that masks decide over: they tell who is who among those that are near, not who is near.
_MASKS_SHARE = 0.3


class SavTracker(BoTSORT):
    """BoT-SORT that knows more of the camera, waits for evidence, and knows objects again.

    Where there is neither a picture nor a warp, the camera is followed by the boxes. A track is shown when
    the scores of its detections add up to `confirm_score`. Where detections come with looks, a track in its
    first second becomes one that was lost before it began, however far away, if it looks like it and like no
    other: who comes out from behind something is seen in part at first, and may be known only then.
    """

    def __init__(self, config: TrackerConfig, *, frame_rate: float = 30.0) -> None:
        self._masks = MaskCue() if config.with_masks else None
        super().__init__(config, frame_rate=frame_rate)
        self._longest_memory = round(_LONGEST_MEMORY * frame_rate)
        self._youth = round(_YOUTH * frame_rate)
        self._pace = max(1, self._youth // _LOOKS_IN_YOUTH)

    @property
    def wants_masks(self) -> bool:
        """Whether `update` is to be given what asks SAM for masks."""
        return self._masks is not None

    def _cues(self) -> list[Cue]:
        return [*super()._cues(), *filter(None, [self._masks])]

    def _settle(self, boxes: NDArray[Any], strong: NDArray[np.bool_], overlaps: NDArray[Any]) -> bool:
        """Move all tracks by what the strong boxes say of the camera; whether it moved."""
        if self._config.gmc_method == "none":
            return False
        table = self._table
        rows, columns = (table.phases == TRACKED).nonzero()[0], strong.nonzero()[0]
        shift = camera_shift(table.boxes_xyxy[rows], boxes[columns], overlaps[rows[:, None], columns])
        if shift is None:
            return False
        table.shift(shift)
        return True

    def _by_masks(
        self, detections: Detections, usable: Indices, overlaps: NDArray[Any], ask: Ask | None
    ) -> tuple[Detections, NDArray[Any]]:
        """Return the detections and overlaps, less where the masks lie on each other less than others do."""
        if self._masks is None:
            return detections, overlaps
        near = overlaps > _LEAST_NEAR
        contested = near & ((near.sum(1) > 1)[:, None] | (near.sum(0) > 1))
        asked = usable if self._config.with_masks is True else usable[contested.any(0)]
        if ask is not None and len(asked):
            detections = ask(asked)
        rows, columns = contested.any(1).nonzero()[0], contested.any(0).nonzero()[0]
        if not len(rows) or not detections.shapes.shape[1]:
            return detections, overlaps

        self._masks.expect(self._table.boxes_xyxy)
        block = rows[:, None], columns
        ious = self._masks.similarity(rows, detections, usable[columns])
        ious[~contested[block]] = np.nan
        overlaps = overlaps.copy()
        overlaps[block] *= 1 - _MASKS_SHARE + _MASKS_SHARE * _shares_of_best(ious)
        return detections, overlaps

    def _confirm(self, rows: Indices, unseen: NDArray[np.bool_]) -> None:
        """Show the tracks in `rows`, those that are known again under the ids that they had."""
        table = self._table
        if self._appearance is not None and not self._appearance.is_blind:
            ages = self._frame - table.first_frames[rows]
            is_due = (ages % self._pace == 0) | (table.ids[rows] == 0)
            young = rows[(ages <= self._youth) & is_due]
            away = (unseen & (table.phases >= LOST)).nonzero()[0] if len(young) else young
            if len(away):
                self._know_again(self._appearance, young, away)
        table.confirm(rows)

    def _know_again(self, appearance: AppearanceCue, young: Indices, away: Indices) -> None:
        """Have `young` tracks be those that were `away` before they began and look like them."""
        table = self._table
        alike = appearance.between(young, away)
        alike[table.class_columns(young)[:, None] != table.class_columns(away)] = 0
        alike[table.first_frames[young][:, None] <= table.last_frames[away]] = 0  # both were there at once
        i, j = assign(_leading(alike), self._config.appearance_thresh)
        appearance.join(young[i], away[j])
        table.take_over(young[i], away[j])

    def _expired(self, absences: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which tracks are to be forgotten; where there are looks, much later than by motion."""
        expired = super()._expired(absences)
        if self._appearance is None or self._appearance.is_blind:
            return expired
        phases = self._table.phases
        phases[expired & (phases == LOST)] = ABSENT
        return absences > self._longest_memory


def _shares_of_best(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarities `(n, m)` by the greatest in the same row or column; 1 where one is NaN."""
    best = np.maximum(
        np.fmax.reduce(similarities, 1, initial=0, keepdims=True), np.fmax.reduce(similarities, 0, initial=0)
    )
    shares = np.divide(similarities, best, out=np.ones_like(similarities), where=best > 0)
    return np.where(np.isnan(shares), 1, shares)


def _leading(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarities `(n, m)`, 0 where another in the same row is as great but for `_LEAST_LEAD`."""
    if similarities.shape[1] < 2:
        return similarities
    first, second = -np.partition(-similarities, 1, axis=1)[:, :2].T
    leads = (similarities == first[:, None]) & (first - second >= _LEAST_LEAD)[:, None]
    return np.where(leads, similarities, 0)
