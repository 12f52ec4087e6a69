"""Pictures turned upright by the display matrix that phones and cameras write."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np

from sav.data.types import Image
from sav.media.pyav import display_matrix


@dataclass(frozen=True)
class Orientation:
    """How a decoded picture becomes upright: first transposed, then mirrored.

    Attributes:
        transpose: Rows become columns.
        mirror_x: Left and right change places.
        mirror_y: Top and bottom change places.
    """

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, picture: av.VideoFrame) -> Orientation:
        """Read the display matrix beside a picture; angles between the quarter turns go to the nearest.

        The matrix `((a, b, u), (c, d, v), (x, y, w))` takes a pixel (p, q) to (a p + c q + x, b p + d q + y),
        as FFmpeg's libavutil/display.h describes.
        """
        matrix = display_matrix(picture)
        if matrix is None:
            return cls()
        a, b, c, d = matrix
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
        return cls(mirror_x=a < 0, mirror_y=d < 0)

    def apply(self, image: Image) -> Image:
        """The upright image, `(H, W, 3)` uint8."""
        upright = np.asarray(cv2.transpose(image), np.uint8) if self.transpose else image
        if not (self.mirror_x or self.mirror_y):
            return upright
        code = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
        return np.asarray(cv2.flip(upright, code), np.uint8)

    def size_hw(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """The upright size of a picture of `size_hw`."""
        return size_hw[::-1] if self.transpose else size_hw
