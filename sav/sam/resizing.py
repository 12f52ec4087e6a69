"""Pictures made smaller or larger on the device, as Pillow does it.

Pillow's bilinear filter is a triangle as wide as what becomes one pixel, so that nothing between is skipped.
Its weights are fixed-point numbers; rows are resized first, and rounded to eight bits, then columns
(https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters). So it is here, to the last bit;
since Pillow 13 columns come first in pictures more than twice as high as wide, and round otherwise there.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.uploads import kept_on_device

# Bits behind the point of a weight: a sum of weighted bytes fits 32 bits, with a sign and one bit to spare.
_BITS = 22
# Of rows and of columns `(2, taps, length)` int32, see `_taps`; None where their number stays.
Taps = tuple[Tensor | None, Tensor | None]


def taps_for(before_hw: tuple[int, int], after_hw: tuple[int, int], device: torch.device) -> Taps:
    """What `resized` asks for to make one size of another, on `device`."""
    down, across = (
        None if before == after else kept_on_device(_taps, (before, after), device)
        for before, after in zip(before_hw, after_hw, strict=True)
    )
    return down, across


def resized(planes: Tensor, taps: Taps) -> Tensor:
    """Channels `(..., H, W)` uint8 at the size that taps are for, as Pillow's bilinear filter makes them."""
    down, across = taps
    for axis, along in ((-1, across), (-2, down)):
        if along is not None:
            planes = _along(planes, axis, along)
    return planes


def _along(planes: Tensor, axis: int, taps: Tensor) -> Tensor:
    """The planes with another length along one axis."""
    places, weights = taps[0], taps[1] if axis == -1 else taps[1, :, :, None]
    shape = list(planes.shape)
    shape[axis] = taps.shape[-1]
    total = torch.full(shape, 1 << (_BITS - 1), dtype=torch.int32, device=planes.device)
    for place, weight in zip(places, weights, strict=True):
        total.addcmul_(planes.index_select(axis, place), weight)
    return (total >> _BITS).to(torch.uint8)


def _taps(before: int, after: int) -> NDArray[np.int32]:
    """`(2, taps, after)`: which pixels each new one is made of, and their fixed-point weights, or zeros."""
    scale = before / after
    reach = max(scale, 1.0)  # half the triangle's width, in old pixels
    centres = (np.arange(after) + 0.5) * scale
    first = np.maximum(np.trunc(centres - reach + 0.5), 0).astype(np.int64)
    end = np.minimum(np.trunc(centres + reach + 0.5), before).astype(np.int64)

    places = first + np.arange((end - first).max())[:, None]  # (taps, after)
    distances = np.abs((places - centres + 0.5) * (1 / reach))
    weights = np.where(places < end, np.maximum(1 - distances, 0), 0)
    total = np.zeros(after)
    for tap in weights:  # in Pillow's order, on which the last bit depends
        total += tap
    fixed = np.trunc(weights / total * (1 << _BITS) + 0.5)
    return np.stack([np.minimum(places, before - 1), fixed]).astype(np.int32)
