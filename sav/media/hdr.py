"""Pictures of high dynamic range (PQ, HLG) brought to the ordinary range and colours of BT.709."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from sav.data.types import Image

PQ, HLG = 16, 18  # transfer characteristics of ITU-T H.273

_WHITE = 203.0  # cd/m2 of ordinary white in an HDR picture (ITU-R BT.2408)
_HLG_PEAK, _HLG_GAMMA = 1000.0, 1.2  # the reference display of ITU-R BT.2100
_KNEE = 0.75  # of ordinary white, where highlights begin to be compressed
_DISPLAY_GAMMA = 2.4  # ITU-R BT.1886

# From BT.2020 to BT.709 primaries (ITU-R BT.2087), rows and columns in the order blue, green, red.
_TO_BT709 = np.array(
    [[1.1187, -0.1006, -0.0182], [-0.0083, 1.1329, -0.1246], [-0.0728, -0.5876, 1.6605]], np.float32
)
_TO_BT709 /= _TO_BT709.sum(1, keepdims=True)  # grey stays grey to the last digit


def to_ordinary(image: Image, transfer: int) -> Image:
    """Bring the decoded code values of an HDR picture to BT.709.

    The curve is exact for each channel; the primaries are changed after it instead of in linear light,
    which is close for all but the most saturated colours and some twenty times as fast.

    Args:
        image: `(H, W, 3)` uint8 BGR, coded by `transfer`, with the primaries of BT.2020.
        transfer: `PQ` or `HLG`.
    """
    return np.asarray(cv2.transform(cv2.LUT(image, _curve(transfer)), _TO_BT709), np.uint8)


@functools.cache
def _curve(transfer: int) -> Image:
    """The ordinary code of each of the 256 HDR codes, `(256,)` uint8."""
    light = _light(np.linspace(0, 1, 256), transfer) / _WHITE
    room = 1 - _KNEE
    over = np.maximum(light - _KNEE, 0)
    compressed = np.minimum(light, _KNEE) + room * (1 - np.exp(-over / room))
    return np.rint(255 * compressed ** (1 / _DISPLAY_GAMMA)).astype(np.uint8)


def _light(code: np.ndarray, transfer: int) -> np.ndarray:
    """Display light in cd/m2 of code values from 0 to 1 (SMPTE ST 2084; ITU-R BT.2100)."""
    if transfer == PQ:
        m1, m2 = 2610 / 16384, 2523 / 4096 * 128
        c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
        power = code ** (1 / m2)
        return 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    return _HLG_PEAK * scene**_HLG_GAMMA
