"""Camera coordinates: boxes as they would lie in one common picture, whatever the camera did since."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LEAST_SCALE, _MOST_SCALE = 0.1, 10.0  # what a camera can do between two frames


def as_step(warp: NDArray[np.float64]) -> Array:
    """Return `warp` `(2, 3)`, from the frame before to this one, as the way back, `(3, 3)`.

    One that no camera makes counts as no motion.
    """
    area = abs(np.linalg.det(warp[:, :2])) if np.isfinite(warp).all() else 0.0
    if not _LEAST_SCALE**2 < area < _MOST_SCALE**2:
        return np.eye(3)
    return np.asarray(np.linalg.inv(np.vstack([warp, [0, 0, 1]])), np.float64)


def to_common(maps: Array, boxes_xyxy: Array) -> Array:
    """Return boxes of some frames in the common picture.

    Args:
        maps: `(F, 3, 3)`, from each frame's pixels to the common picture's.
        boxes_xyxy: `(F, N, 4)`, pixels of each frame.

    Returns:
        `(F, N, 4)`, centre and size.
    """
    corners = boxes_xyxy.reshape(*boxes_xyxy.shape[:-1], 2, 2)
    middle, size = corners.mean(-2), corners[..., 1, :] - corners[..., 0, :]
    return mapped(maps, np.concatenate([middle, size], -1))


def from_common(maps: Array, boxes: Array) -> Array:
    """Return what `to_common` was given."""
    back = mapped(np.asarray(np.linalg.inv(maps), np.float64), boxes)
    middle, half = back[..., :2], back[..., 2:] / 2
    return np.concatenate([middle - half, middle + half], -1)


def mapped(maps: Array, boxes: Array) -> Array:
    """Return boxes `(F, N, 4)` moved on by `maps`: centres are mapped, sizes only scaled."""
    scale = np.sqrt(np.abs(maps[:, 0, 0] * maps[:, 1, 1] - maps[:, 0, 1] * maps[:, 1, 0]))
    middle = boxes[..., :2] @ maps[:, :2, :2].transpose(0, 2, 1) + maps[:, None, :2, 2]
    return np.concatenate([middle, boxes[..., 2:] * scale[:, None, None]], -1)
