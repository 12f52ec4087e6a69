"""Masks so coarse that they are quick to compare and small to keep: a grid of bits over each box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks

# Cells across and down a box, and the bytes that their bits take.
SIDE = 32
BYTES = SIDE * SIDE // 8
# Points across and down two boxes at which their masks are compared.
_POINTS = 32
_CENTRES = (np.arange(SIDE) + 0.5) / SIDE
_PLACES = (np.arange(_POINTS) + 0.5) / _POINTS

Shapes = NDArray[np.uint8]


def shapes_in_boxes(masks: Masks, boxes_xyxy: NDArray[Any]) -> Shapes:
    """What N masks are in their own `(N, 4)` boxes, read at the middle of each cell of a grid.

    Returns:
        `(N, BYTES)` uint8, a bit a cell, row by row; nothing but zeros where no cell is in the mask.
    """
    corners, sizes = boxes_xyxy[:, None, :2], (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2])[:, None]
    places = np.floor(corners + sizes * _CENTRES[:, None]).astype(np.int64)  # (N, SIDE, 2), x and y
    places -= masks.boxes_xyxy[:, None, :2]

    cells = np.zeros((len(masks), SIDE, SIDE), np.bool_)
    for cell, place, (crop, _) in zip(cells, places, masks.crops(), strict=True):
        inside = (place >= 0) & (place < crop.shape[::-1])
        (x, y), (across, down) = place.T, inside.T
        cell[np.ix_(down, across)] = crop[np.ix_(y[down], x[across])]
    return np.packbits(cells.reshape(len(masks), SIDE * SIDE), axis=1)


def shape_ious(
    shapes: Shapes, boxes_xyxy: NDArray[Any], others: Shapes, other_boxes_xyxy: NDArray[Any]
) -> NDArray[np.float64]:
    """Intersection over union of pairs of masks, counted at points spread evenly over both boxes.

    Args:
        shapes: `(P, BYTES)`, the first of each pair.
        boxes_xyxy: `(P, 4)`, where they are, which need not be where they were seen.
        others: `(P, BYTES)`, the second of each pair.
        other_boxes_xyxy: `(P, 4)`.

    Returns:
        `(P,)`, 0 to 1; 0 where both are empty.
    """
    low = np.minimum(boxes_xyxy, other_boxes_xyxy)[:, None, :2]
    sizes = np.maximum(boxes_xyxy, other_boxes_xyxy)[:, None, 2:] - low
    points = low + sizes * _PLACES[:, None]  # (P, points, 2), x and y
    one, other = _read(shapes, boxes_xyxy, points), _read(others, other_boxes_xyxy, points)
    either = np.count_nonzero(one | other, axis=(1, 2))
    shared: NDArray[np.float64] = np.count_nonzero(one & other, axis=(1, 2)) / np.maximum(either, 1)
    return shared


def _read(shapes: Shapes, boxes_xyxy: NDArray[Any], points: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether each mask has the points of its own grid of them, `(P, points, points)`, y before x."""
    sizes = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2])[:, None]
    cells = np.floor((points - boxes_xyxy[:, None, :2]) * (SIDE / sizes)).astype(np.int64)
    inside = (cells >= 0) & (cells < SIDE)
    (x, y), (across, down) = np.moveaxis(np.clip(cells, 0, SIDE - 1), 2, 0), np.moveaxis(inside, 2, 0)
    bits = np.unpackbits(shapes, axis=1).reshape(-1, SIDE, SIDE)
    read = bits[np.arange(len(bits))[:, None, None], y[:, :, None], x[:, None, :]].view(np.bool_)
    return np.asarray(read & (down[:, :, None] & across[:, None, :]))
