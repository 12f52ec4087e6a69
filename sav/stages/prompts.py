"""SAM's masks of one picture wherever somebody points, or draws a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sav.data.masks import Masks
from sav.data.types import Image
from sav.errors import SettingError
from sav.sam.model import SamModel
from sav.stages.asking import boxed_masks, embedded


class Prompts:
    """One picture, embedded once, of which SAM may be asked for masks again and again.

    Attributes:
        sam: The SAM that is asked.
        size_hw: Height and width of the picture.
    """

    def __init__(self, sam: SamModel, image_bgr: Image) -> None:
        """Embed an `(H, W, 3)` uint8 BGR picture, which is not kept.

        Raises:
            DeviceMemoryError: There is no memory for that.
        """
        self.sam, self.size_hw = sam, (image_bgr.shape[0], image_bgr.shape[1])
        self._embedding = embedded(sam, image_bgr)

    def at_points(self, points_xy: ArrayLike) -> Masks:
        """The mask that SAM itself thinks best of the three for each of `(N, 2)` points, in pixels.

        Raises:
            SettingError: A point is not in the picture.
        """
        points = self._checked(points_xy, 2)
        if not len(points):
            return Masks.empty(self.size_hw)
        logits, predicted_iou = self.sam.decode_points(self._embedding, points)
        best = predicted_iou.reshape(len(points), -1).argmax(dim=1, keepdim=True)
        # (N * masks a point, h, w) -> (N, h, w)
        logits = logits.unflatten(0, (len(points), -1)).take_along_dim(best[..., None, None], dim=1)[:, 0]
        return self.sam.enlarged(logits, self._embedding, channels=1)[0]

    def in_boxes(self, boxes_xyxy: ArrayLike) -> Masks:
        """The mask of the object in each of `(N, 4)` boxes, in pixels.

        Raises:
            SettingError: A box is not in the picture, or has no width or height.
        """
        boxes = self._checked(boxes_xyxy, 4)
        if not (boxes[:, 2:] > boxes[:, :2]).all():
            raise SettingError("a box must have its right and bottom beyond its left and top")
        return boxed_masks(self.sam, self._embedding, boxes.astype(np.float32), self.size_hw)

    def _checked(self, places: ArrayLike, columns: int) -> np.ndarray:
        """`(N, columns)` float64, x and y in turns, all of them in the picture."""
        table = np.asarray(places, np.float64).reshape(-1, columns)
        xy = table.reshape(-1, 2)
        if not ((xy >= 0) & (xy <= self.size_hw[::-1])).all():
            height, width = self.size_hw
            raise SettingError(f"a place must lie in the picture, which has {width}x{height} pixels")
        return table
