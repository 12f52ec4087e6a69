"""Objects cut out of pictures: an RGBA PNG each, cropped to the mask, transparent and black around it.

Scores, boxes and empty masks have no place in it; unlabelled regions are left out.
"""

from __future__ import annotations

import re

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.annotations.writer import AnnotationWriter
from sav.media.pictures import write_picture
from sav.scene import Scene
from sav.types import BoolArray, Image


class CutoutPicturesWriter(AnnotationWriter):
    """Writes `cutout/PICTURE_NUMBER_CLASS.png`."""

    def write(self, scene: Scene) -> None:
        """Add one picture's objects."""
        stem = self.target.stem(scene)
        columns = zip(scene.track_ids.tolist(), scene.class_names, scene.masks.crops(), strict=True)
        for number, name, (crop, where) in columns:
            if crop.size:
                label = re.sub(r"\W+", "_", name).strip("_")  # a name may hold what a path may not
                path = self._path(f"cutout/{stem}_{number:03d}_{label}.png")
                write_picture(path, cut_out(scene.frame.image[where], crop))


def cut_out(image_bgr: Image, mask: BoolArray) -> NDArray[np.uint8]:
    """`(H, W, 4)` uint8 BGRA: the picture where the `(H, W)` mask is, nothing elsewhere."""
    alpha = mask.astype(np.uint8) * 255
    return np.asarray(
        cv2.bitwise_and(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2BGRA), cv2.merge([alpha] * 4)), np.uint8
    )
