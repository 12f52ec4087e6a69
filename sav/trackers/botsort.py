"""BoT-SORT: ByteTrack that follows width and height apart, and the motion of the camera."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from sav.data.types import Image
from sav.trackers.bytetrack import ByteTrack
from sav.trackers.camera_motion import CameraMotion
from sav.trackers.config import TrackerConfig
from sav.trackers.kalman import Array, BoxFilter, WidthHeightFilter


class BoTSORT(ByteTrack):
    """ByteTrack with BoT-SORT's filter and camera-motion compensation (Aharon et al. 2022, arXiv 2206.14651).

    Without its appearance model. `update` estimates the motion of the camera from `image`, unless
    `gmc_method` is `none`, no image is given, or a `warp` says how the camera moved.
    """

    def __init__(self, config: TrackerConfig, *, frame_rate: float = 30.0) -> None:
        super().__init__(config, frame_rate=frame_rate)
        self._camera = CameraMotion() if config.gmc_method != "none" else None

    def _box_filter(self) -> BoxFilter:
        return WidthHeightFilter()

    def _camera_warp(self, image: Image | None, warp: NDArray[Any] | None) -> Array | None:
        if warp is None and image is not None and self._camera is not None:
            return self._camera.estimate(image)
        return super()._camera_warp(image, warp)
