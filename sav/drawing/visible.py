"""What is seen of each object, small ones lying over large ones, on a coarse grid: enough to place labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import BoolArray, FloatArray, IntArray
from sav.drawing.tints import large_first

# Cells along the shorter side of a picture.
_CELLS = 200
_NOBODY = -1
# Entries of a table that bytes can tell apart.
_MOST_LOOKED_UP = 256


class Visible:
    """Who owns each cell of a coarse grid over the picture.

    Attributes:
        cell: Width of a cell in pixels; sums of cells are given in pixels.
        owners: `(h, w)` int32, the position of the object that is seen in each cell; -1 where none is.
    """

    def __init__(self, masks: Masks) -> None:
        self.cell = max(1, round(min(masks.size_hw) / _CELLS))
        self.owners = np.full([-(-side // self.cell) for side in masks.size_hw], _NOBODY, np.int32)
        # Columns and rows of the first cell of each mask's box, and of the first one beyond it.
        self._boxes = -(-masks.boxes_xyxy // self.cell)
        for position in large_first(masks):
            x0, y0 = masks.boxes_xyxy[position, :2].tolist()
            coarse = masks.crop(position)[-y0 % self.cell :: self.cell, -x0 % self.cell :: self.cell]
            self._window(position)[coarse] = position

    @cached_property
    def areas(self) -> IntArray:
        """`(N,)` int64, visible pixels of each object."""
        return np.array([np.count_nonzero(seen) for seen in self._seen], np.int64) * self.cell**2

    def covered(self, rectangles_xyxy: FloatArray) -> FloatArray:
        """`(...)`, visible pixels of any objects in rectangles `(..., 4)`."""
        counts = cv2.integral((self.owners != _NOBODY).view(np.uint8))
        return self._sum(counts.ravel(), self._cells(rectangles_xyxy, counts.shape), counts.shape[1])

    def spoilt(self, rectangles_xyxy: FloatArray) -> FloatArray:
        """`(...)`, the share of it that each object would lose to a rectangle `(..., 4)`, summed over all."""
        # The last entry belongs to position -1: nobody.
        each = np.append(1 / np.maximum(self.areas, 1), 0).astype(np.float32)
        shares = cv2.integral(_looked_up(each, self.owners))
        return self._sum(shares.ravel(), self._cells(rectangles_xyxy, shares.shape), shares.shape[1])

    def own(self, rectangles_xyxy: FloatArray) -> FloatArray:
        """`(N, C)`, visible pixels of each object in its C rectangles `(N, C, 4)`."""
        counts = [cv2.integral(seen.view(np.uint8)) for seen in self._seen if seen.size]
        owned = np.zeros(rectangles_xyxy.shape[:2], np.float32)
        if not counts:
            return owned

        # All integral pictures one after the other in one array, each with where it begins and its size.
        present = np.array([seen.size > 0 for seen in self._seen])
        begins = np.cumsum([0, *(count.size for count in counts[:-1])])
        sizes = np.array([count.shape[::-1] * 2 for count in counts])
        corners = self._boxes[present, None][..., [0, 1, 0, 1]]
        cells = np.rint(rectangles_xyxy[present] / self.cell).astype(np.int64) - corners
        cells = np.minimum(np.maximum(cells, 0), sizes[:, None] - 1)
        owned[present] = self._sum(
            np.concatenate([count.ravel() for count in counts]), cells, sizes[:, :1], begins[:, None]
        )
        return owned

    def middles(self, boxes_xyxy: FloatArray) -> FloatArray:
        """`(N, 2)` float32, a point x, y on what is seen of each object, or its box's middle if nothing is.

        The part's centre, which is steady from frame to frame, if it lies on it; else its inmost point.
        """
        points = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
        for position in np.flatnonzero(self.areas).tolist():
            mine = self._seen[position].view(np.uint8)
            moments = cv2.moments(mine, binaryImage=True)
            column, row = (round(moments[name] / moments["m00"]) for name in ("m10", "m01"))
            if not mine[row, column]:
                depth = cv2.distanceTransform(np.pad(mine, 1), cv2.DIST_L2, 3)
                row, column = np.subtract(np.unravel_index(depth.argmax(), depth.shape), 1)
            points[position] = (np.array([column, row]) + self._boxes[position, :2] + 0.5) * self.cell
        return points.astype(np.float32)

    def _cells(self, rectangles_xyxy: FloatArray, shape: Sequence[int]) -> IntArray:
        """Rectangles in cells, cut to what an integral picture of this shape covers."""
        cells = np.rint(rectangles_xyxy / self.cell).astype(np.int64)
        return np.minimum(np.maximum(cells, 0), np.array([shape[1] - 1, shape[0] - 1] * 2))

    def _sum(
        self, integral: NDArray[Any], cells: IntArray, width: int | IntArray, begin: int | IntArray = 0
    ) -> FloatArray:
        """Pixels' worth of rectangles `(..., 4)` in an integral picture of so many columns, laid out flat."""
        x0, y0, x1, y1 = (cells[..., side] for side in range(4))
        top, bottom = begin + y0 * width, begin + y1 * width
        inside = integral[bottom + x1] - integral[top + x1] - integral[bottom + x0] + integral[top + x0]
        return (inside * self.cell**2).astype(np.float32)

    @cached_property
    def _seen(self) -> list[BoolArray]:
        """The cells of each mask's box in which that object is seen."""
        return [self._window(position) == position for position in range(len(self._boxes))]

    def _window(self, position: int) -> NDArray[np.int32]:
        """The grid's cells in a mask's box."""
        x0, y0, x1, y1 = self._boxes[position].tolist()
        return self.owners[y0:y1, x0:x1]


def _looked_up(table: FloatArray, owners: NDArray[np.int32]) -> FloatArray:
    """The entry of a table for each cell, the last for -1; a small one OpenCV looks up in half the time."""
    if len(table) > _MOST_LOOKED_UP:
        return table.take(owners, mode="wrap")
    whole = np.zeros(256, np.float32)
    whole[: len(table) - 1], whole[_NOBODY] = table[:-1], table[-1]
    return np.asarray(cv2.LUT(owners.astype(np.uint8), whole), np.float32)
