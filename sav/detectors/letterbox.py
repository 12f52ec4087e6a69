"""Pictures on the device as a detector sees them: resized, with grey around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

# What ultralytics puts around a picture.
GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in what the network sees, in pixels: ultralytics' `LetterBox`.

    Attributes:
        size_hw: Height and width of the picture there.
        top: Rows of grey above it.
        left: Columns of grey to its left.
        whole_hw: Height and width of all.
    """

    size_hw: tuple[int, int]
    top: int
    left: int
    whole_hw: tuple[int, int]

    @classmethod
    def of(cls, size_hw: tuple[int, int], side: int, stride: int) -> Letterbox:
        """A picture of `size_hw` whose longer side becomes `side`; the shorter one ends at a whole stride."""
        scale = min(side / size_hw[0], side / size_hw[1])
        height, width = (max(round(length * scale), 1) for length in size_hw)
        below, beside = ((side - length) % stride for length in (height, width))
        top, left = round(below / 2 - 0.1), round(beside / 2 - 0.1)
        return cls((height, width), top, left, (height + below, width + beside))

    def __call__(self, images_bgr: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
        """Pictures `(H, W, 3)` uint8 BGR of one size as `(B, 3, *whole_hw)` RGB, 0 to 1.

        Resized bilinearly to whole grey levels as OpenCV does it, whose own arithmetic rounds some of them
        to the next.
        """
        device = images_bgr[0].device
        batch = torch.full((len(images_bgr), 3, *self.whole_hw), GREY, dtype=dtype, device=device)
        batch = batch.contiguous(memory_format=torch.channels_last)
        rows = slice(self.top, self.top + self.size_hw[0])
        columns = slice(self.left, self.left + self.size_hw[1])
        for place, image in enumerate(images_bgr):
            planes = image.flip(-1).permute(2, 0, 1)[None]
            if planes.shape[2:] != self.size_hw:
                planes = F.interpolate(planes.float(), self.size_hw, mode="bilinear").round_()
            batch[place : place + 1, :, rows, columns] = planes
        return batch.div_(255)
