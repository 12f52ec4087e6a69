"""Boxes as files have them: in the picture, to a hundredth of a pixel, never without width or height."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def solid_boxes(boxes_xyxy: NDArray[Any], size_hw: tuple[int, int]) -> NDArray[np.float64]:
    """The `(N, 4)` boxes cut to the picture; a side of less than a pixel grows to whole pixels.

    Programs that train on boxes stop at one without width, or drop it.
    """
    limits = np.array(size_hw[::-1] * 2, np.float64)
    boxes = np.minimum(np.maximum(boxes_xyxy.astype(np.float64), 0), limits)
    low, high = boxes[:, :2], boxes[:, 2:]
    is_thin = high - low < 1
    if not is_thin.any():
        return boxes.round(2)
    limits = limits[:2]
    first = np.minimum(np.floor(low), limits - 1)
    last = np.maximum(np.ceil(high), first + 1)
    return np.concatenate([np.where(is_thin, first, low), np.where(is_thin, last, high)], axis=1).round(2)


def corner_and_size(boxes_xyxy: NDArray[Any]) -> list[list[Any]]:
    """Each box as `[left, top, width, height]`."""
    sizes = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).round(2)
    return np.concatenate([boxes_xyxy[:, :2], sizes], axis=1).tolist()
