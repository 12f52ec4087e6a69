"""How the camera moved between two frames, estimated from the optical flow of corner points."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image

_LONG_SIDE = 640  # pixels of the shrunk frame at most; a frame above half of this is shrunk by two at least
_MAX_CORNERS = 200
_CORNER_QUALITY = 0.001  # low, so that a dull background keeps corners beside a sharp foreground
_CORNER_DISTANCE = 7  # pixels between corners, so that they spread over the picture
_FLOW_WINDOW = (15, 15)
_INLIER_DISTANCE = 1.0  # pixels of the shrunk frame
_FEWEST_INLIERS = 8
_LEAST_AGREEMENT = 0.12  # share of corners that must share a motion: by chance, across a cut, 0.03 do
_REUSE_SHARE = 0.6  # corners are looked for again when fewer than this share of `_MAX_CORNERS` is left
_NO_CORNERS: NDArray[Any] = np.zeros((0, 1, 2), np.float32)


class CameraMotion:
    """Sparse optical flow between a frame and the one before it, with the memory that this takes.

    Corners (Shi and Tomasi 1994) are followed by pyramidal Lucas-Kanade flow, and the translation, rotation
    and scale that most of them share is found by RANSAC, as BoT-SORT does (arXiv 2206.14651, section 3.2).
    Corners that followed the camera are followed on into the next frame, so new ones are looked for only now
    and then.
    """

    def __init__(self) -> None:
        self._frame_before: NDArray[Any] | None = None
        self._corners = _NO_CORNERS

    def estimate(self, image: Image) -> NDArray[np.float64]:
        """Return how the picture moved since the last call.

        Args:
            image: `(H, W, 3)` uint8, BGR.

        Returns:
            `(2, 3)` float64, an affine map from pixels of the frame before to pixels of `image`. No motion
            for the first frame, after a change of size, across a cut, and where there is too little texture.
        """
        frame = _shrink(image)
        before, self._frame_before = self._frame_before, frame
        motion, followers = None, _NO_CORNERS
        if before is not None and before.shape == frame.shape and len(self._corners) >= _FEWEST_INLIERS:
            motion, followers = _shared_motion(before, frame, self._corners)
        enough = len(followers) >= _REUSE_SHARE * _MAX_CORNERS
        self._corners = followers if enough else _find_corners(frame)
        if motion is None:
            return np.eye(2, 3)
        return _enlarge(motion, image.shape[1] / frame.shape[1], image.shape[0] / frame.shape[0])


def _shrink(image: Image) -> NDArray[Any]:
    """Return `image` in grey, small enough to be quick and large enough to be exact."""
    height, width = image.shape[:2]
    long_side = max(height, width)
    factor = max(-(-long_side // _LONG_SIDE), 2 if long_side > _LONG_SIDE // 2 else 1)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if factor == 1:
        return grey
    size = max(width // factor, 1), max(height // factor, 1)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def _find_corners(frame: NDArray[Any]) -> NDArray[Any]:
    corners = cv2.goodFeaturesToTrack(frame, _MAX_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE)
    return _NO_CORNERS if corners is None else corners


def _shared_motion(
    before: NDArray[Any], frame: NDArray[Any], corners: NDArray[Any]
) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """Follow `corners` from `before` to `frame`.

    Returns:
        The motion that enough of them share, or None, and where those that share it are now, `(N, 1, 2)`.
    """
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        before, frame, corners, np.empty_like(corners), winSize=_FLOW_WINDOW
    )
    found = np.ravel(status) == 1
    if found.sum() < _FEWEST_INLIERS:
        return None, _NO_CORNERS
    there = np.asarray(moved)[found]
    motion, agrees = cv2.estimateAffinePartial2D(
        corners[found], there, method=cv2.RANSAC, ransacReprojThreshold=_INLIER_DISTANCE, maxIters=500
    )
    followers = _NO_CORNERS if motion is None else there[np.ravel(agrees) == 1]
    if len(followers) < max(_FEWEST_INLIERS, _LEAST_AGREEMENT * len(corners)):
        return None, _NO_CORNERS
    inside = ((followers >= 0) & (followers <= np.subtract(frame.shape[::-1], 1))).all((1, 2))
    return motion, followers[inside]


def _enlarge(motion: NDArray[Any], scale_x: float, scale_y: float) -> NDArray[np.float64]:
    """Turn a motion of the shrunk frame into one of the whole frame, pixel centres at whole coordinates."""
    scale = np.array([scale_x, scale_y])
    linear = motion[:, :2] * scale[:, None] / scale
    centre = (scale - 1) / 2  # where the first pixel of the shrunk frame lies in the whole one
    return np.column_stack([linear, motion[:, 2] * scale + centre - linear @ centre])
