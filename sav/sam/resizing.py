"""Pictures made smaller or larger on the device, as Pillow does it.

Pillow's bilinear filter is a triangle as wide as what becomes one pixel, so that nothing between is skipped.
Its weights are fixed-point numbers; rows are resized first, and rounded to eight bits, then columns
(https://pillow.readthedocs.io/en/stable/handbook/concepts.html#filters). So it is here, to the last bit;
since Pillow 13 columns come first in pictures more than twice as high as wide, and round otherwise there.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.uploads import on_device

# Bits behind the point of a weight: a sum of weighted bytes fits 32 bits, with a sign and one bit to spare.
_BITS = 22


def resized(planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Channels `(..., H, W)` uint8 at another size, as Pillow's bilinear filter makes them."""
    for axis, length in ((-1, size_hw[1]), (-2, size_hw[0])):
        if planes.shape[axis] != length:
            planes = _along(planes, axis, length)
    return planes


def _along(planes: Tensor, axis: int, length: int) -> Tensor:
    """The planes with another length along one axis."""
    taps = on_device(torch.from_numpy(_taps(planes.shape[axis], length)), planes.device)  # (2, taps, length)
    places, weights = taps[0], taps[1] if axis == -1 else taps[1, :, :, None]
    shape = list(planes.shape)
    shape[axis] = length
    total = torch.full(shape, 1 << (_BITS - 1), dtype=torch.int32, device=planes.device)
    for place, weight in zip(places, weights, strict=True):
        total.addcmul_(planes.index_select(axis, place), weight)
    return (total >> _BITS).to(torch.uint8)


@lru_cache(maxsize=64)
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
