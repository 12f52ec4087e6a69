"""Pictures on the device as a detector sees them: resized, with grey around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.picture_graphs import PictureGraphs
from sav.uploads import kept_on_device

# What ultralytics puts around a picture.
GREY = 114
# Of rows and of columns `(4, length)` int32, see `_taps`; None for pictures that have their size.
Taps = tuple[Tensor, Tensor] | None


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

    def __call__(self, images_bgr: Sequence[Tensor], dtype: torch.dtype, graphs: PictureGraphs) -> Tensor:
        """Pictures as the network sees them.

        Args:
            images_bgr: `(H, W, 3)` uint8 BGR, of one size.
            dtype: Of the result.
            graphs: Those of the detector; pictures of a kind that they know are made ready by one.

        Returns:
            `(B, 3, *whole_hw)` RGB, 0 to 1, channels last.
        """
        taps = _taps_for(images_bgr[0].shape[:2], self.size_hw, images_bgr[0].device)
        return graphs(_boxed, tuple(images_bgr), taps, self, dtype)


def _boxed(frames_bgr: tuple[Tensor, ...], taps: Taps, letterbox: Letterbox, dtype: torch.dtype) -> Tensor:
    """See `Letterbox.__call__`."""
    frames = torch.stack(frames_bgr)
    planes = frames.flip(-1).permute(0, 3, 1, 2)  # (B, 3, H, W)

    shape, last = (len(frames), 3, *letterbox.whole_hw), torch.channels_last
    batch = torch.empty(shape, dtype=dtype, device=frames.device, memory_format=last).fill_(GREY)
    rows = slice(letterbox.top, letterbox.top + letterbox.size_hw[0])
    columns = slice(letterbox.left, letterbox.left + letterbox.size_hw[1])
    batch[:, :, rows, columns] = _resized(planes, taps)
    return batch.div_(255)


def _taps_for(before_hw: tuple[int, ...], after_hw: tuple[int, int], device: torch.device) -> Taps:
    """What `_resized` asks for to make one size of another."""
    if before_hw == after_hw:
        return None
    down, across = (
        kept_on_device(_taps, lengths, device) for lengths in zip(before_hw, after_hw, strict=True)
    )
    return down, across


def _resized(planes: Tensor, taps: Taps) -> Tensor:
    """Channels `(..., H, W)` uint8 at another size, by OpenCV's bilinear arithmetic of whole numbers.

    What its vector instructions leave over at the ends of rows it may round to the next grey level.
    """
    if taps is None:
        return planes
    planes, (down, across) = planes.contiguous(), taps
    left, right = (
        planes.index_select(-1, place).int().mul_(weight)
        for place, weight in zip(across[:2], across[2:], strict=True)
    )
    lines = left.add_(right) >> 4  # (..., H, width)
    top, bottom = (
        lines.index_select(-2, place).mul_(weight[:, None]) >> 16
        for place, weight in zip(down[:2], down[2:], strict=True)
    )
    return (top.add_(bottom).add_(2) >> 2).to(torch.uint8)


def _taps(before: int, after: int) -> NDArray[np.int32]:
    """`(4, after)`: the two pixels that each new one lies between, and their weights in shares of 2048."""
    places = ((np.arange(after) + 0.5) * (before / after) - 0.5).astype(np.float32).clip(0, before - 1)
    first = np.floor(places)
    share = places - first
    second = np.minimum(first + 1, before - 1)
    weights = [np.rint((np.float32(1) - share) * np.float32(2048)), np.rint(share * np.float32(2048))]
    return np.stack([first, second, *weights]).astype(np.int32)
