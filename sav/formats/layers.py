"""Masks that may lie over each other as one layer, where every pixel has one owner: small over large."""

from __future__ import annotations

import numpy as np

from sav.data.masks import Masks
from sav.data.types import IntArray


def owners(masks: Masks) -> IntArray:
    """`(H, W)` int64, the position of the mask that each pixel belongs to; -1 where there is none."""
    layer = np.full(masks.size_hw, -1, np.int64)
    for position in np.argsort(-masks.areas, kind="stable").tolist():
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        layer[y0:y1, x0:x1][masks.crop(position)] = position
    return layer


def without_overlap(masks: Masks) -> Masks:
    """The masks, each with only the pixels that are its own; one that is covered becomes empty."""
    layer = owners(masks)
    crops = [layer[where] == position for position, (_, where) in enumerate(masks.crops())]
    return Masks.from_crops(masks.size_hw, crops, masks.boxes_xyxy[:, :2])
