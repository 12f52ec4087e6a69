"""A colour for each id, the same in every run and frame."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import IntArray

# Vivid colours that lie far apart in OKLab, lightness from 0 to 100: neighbours in this order by 19.7, any of
# the first eight by 14, of the first twelve by 10.8, of all by 6.8; for full colour vision as for protanopia,
# deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009). Found by simulated annealing.
_VIVID = (
    "e99c00 00ffff 0000f1 b9a8ff aa0000 e9f514 019a8a 760096 e03fff 46ce99"
    " 7c61a9 f73808 ffd081 0063d3 8a0859 94e104 bb78c7 125d20 b4fdbc c1007f"
)
# Each next round through them is blended towards white or black by such a share, so that 60 ids differ.
_ROUNDS = ((0, 0.0), (255, 0.4), (0, 0.4))

# The golden ratio spreads the hues of neighbouring ids as far apart as any number of them allows.
_GOLDEN_RATIO = 0.618033988749895
_SOFT_SHADES = ((0.42, 0.95), (0.30, 0.80), (0.50, 0.70))


def colours(ids: Sequence[int] | IntArray, soft: bool = False) -> NDArray[np.uint8]:
    """`(N, 3)` uint8 BGR colours of ids of any size: strong ones of objects, or soft ones of regions."""
    numbers = np.asarray(ids, np.int64)
    return _soft(numbers) if soft else _strong(numbers)


def readable_on(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`(N, 3)` uint8, black or white: whichever is read better on each of `(N, 3)` BGR colours (WCAG 2)."""
    shares = bgr / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.0722, 0.7152, 0.2126])
    return np.where(luminance > 0.179, 0, 255).astype(np.uint8)[:, None].repeat(3, axis=1)


def _strong(ids: IntArray) -> NDArray[np.uint8]:
    rgb = _vivid()
    turn, place = np.divmod(ids - 1, len(rgb))
    end, share = np.array(_ROUNDS, np.float32)[turn % len(_ROUNDS)].T
    blended = rgb[place] + (end[:, None] - rgb[place]) * share[:, None]
    return np.rint(blended[:, ::-1]).astype(np.uint8)


@cache
def _vivid() -> NDArray[np.float32]:
    """`(20, 3)`, the vivid colours, RGB."""
    return np.array([tuple(bytes.fromhex(colour)) for colour in _VIVID.split()], np.float32)


def _soft(ids: IntArray) -> NDArray[np.uint8]:
    hue = (0.33 + ids * _GOLDEN_RATIO) % 1.0 * 360
    hsv = np.column_stack([hue, np.array(_SOFT_SHADES)[ids % 3]]).astype(np.float32)
    bgr = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0] if len(ids) else hsv
    return np.rint(bgr * 255).astype(np.uint8)
