"""BoT-SORT: ByteTrack that follows width and height apart, and the motion of the camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Image, Indices
from sav.trackers.appearance import AppearanceCue
from sav.trackers.bytetrack import ByteTrack
from sav.trackers.camera_motion import CameraMotion
from sav.trackers.config import TrackerConfig
from sav.trackers.cues import Cue
from sav.trackers.kalman import Array, BoxFilter, WidthHeightFilter
from sav.trackers.track_table import TrackTable


class BoTSORT(ByteTrack):
    """ByteTrack with BoT-SORT's filter and camera-motion compensation (Aharon et al. 2022, arXiv 2206.14651).

    What objects look like is told by the detector's own features, where they come with the detections, not
    by a network for it. `update` estimates the motion of the camera from `image`, unless
    `gmc_method` is `none`, no image is given, or a `warp` says how the camera moved.
    """

    def __init__(self, config: TrackerConfig, *, frame_rate: float = 30.0) -> None:
        self._appearance = AppearanceCue(config.track_high_thresh) if config.with_reid else None
        super().__init__(config, frame_rate=frame_rate)
        self._camera = CameraMotion() if config.gmc_method != "none" else None

    @property
    def wants_looks(self) -> bool:
        """Whether detections should come with looks."""
        return self._appearance is not None

    def _new_table(self) -> TrackTable:
        return TrackTable(self._box_filter(), self._config.confirm_score, self._cues())

    def _cues(self) -> list[Cue]:
        """What is to be remembered of each track beside its box."""
        return [self._appearance] if self._appearance else []

    def _box_filter(self) -> BoxFilter:
        return WidthHeightFilter()

    def _camera_warp(self, image: Image | None, warp: NDArray[Any] | None) -> Array | None:
        if warp is None and image is not None and self._camera is not None:
            return self._camera.estimate(image)
        return super()._camera_warp(image, warp)

    def _weighed(
        self, fused: NDArray[Any], overlaps: NDArray[Any], detections: Detections, usable: Indices
    ) -> NDArray[Any]:
        """Return the greater of overlap and likeness, where both are (arXiv 2206.14651, section 3.3).

        Looks are compared where somebody has more than one to choose from: elsewhere they decide nothing.
        """
        if self._appearance is None or not detections.looks.shape[1]:
            return fused
        possible = fused > 1 - self._config.match_thresh
        contested = (possible.sum(1) > 1)[:, None] | (possible.sum(0) > 1)
        close = contested & possible & (overlaps >= self._config.proximity_thresh)
        rows, columns = close.any(1).nonzero()[0], close.any(0).nonzero()[0]
        if not len(rows):
            return fused

        block = rows[:, None], columns
        alike = self._appearance.similarity(rows, detections, usable[columns])
        alike[~close[block] | (alike < self._config.appearance_thresh)] = 0
        weighed = fused.copy()
        weighed[block] = np.maximum(fused[block], alike)
        return weighed
