"""What the tight boxes of masks tell before a pixel is looked at: `(N, 4)` int64, ends exclusive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import IntArray


def check_mask_boxes(boxes_xyxy: IntArray, size_hw: tuple[int, int]) -> None:
    """Check the boxes of a table of masks.

    Raises:
        ValueError: If they are of another shape or type, or do not lie in the picture.
    """
    if boxes_xyxy.ndim != 2 or boxes_xyxy.shape[1] != 4:
        raise ValueError(f"boxes_xyxy must have shape (N, 4), not {boxes_xyxy.shape}")
    if boxes_xyxy.dtype != np.int64:
        raise ValueError(f"boxes_xyxy must be int64, not {boxes_xyxy.dtype}")
    low, high = boxes_xyxy[:, :2], boxes_xyxy[:, 2:]
    if (low < 0).any() or (low > high).any() or (high > size_hw[::-1]).any():
        raise ValueError(f"boxes_xyxy must lie in the picture, {size_hw[1]}x{size_hw[0]} pixels")


def packed_offsets(boxes_xyxy: IntArray) -> IntArray:
    """`(N + 1,)`, where the bytes of each mask's crop begin, a bit a pixel, and where the last ones end."""
    sizes = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    return np.concatenate([[0], np.cumsum((sizes + 7) // 8)])


def joint_boxes(boxes_xyxy: IntArray, others_xyxy: IntArray) -> IntArray:
    """`(N, 4)`, the box around each mask and the one at its place among as many others."""
    # An empty mask has the box (0, 0, 0, 0): only one that is not bounds what is on the left and above.
    far = max(boxes_xyxy.max(initial=0), others_xyxy.max(initial=0))
    low = np.minimum(*(np.where(boxes[:, 2:] > 0, boxes[:, :2], far) for boxes in (boxes_xyxy, others_xyxy)))
    high = np.maximum(boxes_xyxy, others_xyxy)[:, 2:]
    return np.concatenate([np.minimum(low, high), high], axis=1)


def windows_in(boxes_xyxy: IntArray, wanted_xyxy: NDArray[Any]) -> IntArray:
    """`(N, 4)`, the part of each mask's crop in its own one of other boxes, fractions of pixels or not.

    A pixel that a box touches is in it.
    """
    corners, sizes = boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    outer = np.concatenate([np.floor(wanted_xyxy[:, :2]), np.ceil(wanted_xyxy[:, 2:])], axis=1)
    return np.clip(outer - np.tile(corners, 2), 0, np.tile(sizes, 2)).astype(np.int64)


def highest_ious(boxes_xyxy: IntArray, areas: IntArray) -> NDArray[np.float64]:
    """`(N, N)`, what the IoU of each mask of an area with each other one is at most."""
    low = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[:, :2])
    high = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[:, 2:])
    shared = np.minimum(np.maximum(high - low, 0).prod(axis=2), np.minimum.outer(areas, areas))
    ious: NDArray[np.float64] = shared / np.maximum(areas[:, None] + areas - shared, 1)
    return ious
