"""TIFFs: ordinary ones as Pillow has them, and those of any depth, type, range and number of bands."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image
from sav.media.pictures.decoding import Limit, TooLargeError, decode_file, upright
from sav.media.pictures.scaling import to_8_bits
from sav.media.pictures.tiff_directory import UNDEFINED, UNSIGNED, Directory, read_directory
from sav.media.pictures.tiff_samples import read_samples

_WHITE_IS_ZERO, _RGB, _PALETTE = 0, 2, 3
_MOST_BANDS = 6  # that Pillow knows what to do with
# What Pillow turns into RGB: masks, CMYK, YCbCr, CIE Lab.
_COLOR_SPACES = (4, 5, 6, 8, 9)


def decode_tiff(file: BinaryIO, limit: Limit) -> Image:
    """Decode the first picture in a TIFF to `(H, W, 3)` uint8 BGR, upright.

    Of more bands than one, the first three are red, green and blue; of two, the first is grey.

    Raises:
        Exception: Of any type, if it is damaged.
    """
    directory = read_directory(file)
    limit.check(directory.width, directory.height)
    is_plain = (
        directory.bits in (1, 2, 4, 8)
        and directory.sample_format in (UNSIGNED, UNDEFINED)
        and directory.bands <= _MOST_BANDS
    )
    if not is_plain and directory.photometric not in _COLOR_SPACES:
        return _decode_samples(file, directory, limit)
    try:
        return decode_file("TIFF", file, limit)
    except TooLargeError:
        raise
    except Exception as error:
        # Pillow knows no five bands, nor bands without a meaning, and stumbles over broken Exif data.
        if directory.bits != 8 or directory.photometric in _COLOR_SPACES:
            raise
        try:
            return _decode_samples(file, directory, limit)
        except Exception:
            raise error from None


def _decode_samples(file: BinaryIO, directory: Directory, limit: Limit) -> Image:
    samples = read_samples(file, directory, limit)  # (H, W, bands)
    if directory.photometric == _PALETTE and directory.color_map.size:
        bgr = _painted(samples[..., 0], directory.color_map)
    else:
        bgr = _colored(samples, directory)
    return upright(np.ascontiguousarray(bgr), directory.orientation)


def _colored(samples: NDArray[Any], directory: Directory) -> Image:
    chosen = samples[..., 2::-1] if samples.shape[2] >= 3 else samples[..., :1]
    bits = directory.bits if samples.dtype.kind == "u" else 0
    scaled = to_8_bits(chosen, bits, directory.nodata, white_is_zero=directory.photometric == _WHITE_IS_ZERO)
    return scaled if scaled.shape[2] == 3 else np.repeat(scaled, 3, axis=2)


def _painted(indices: NDArray[Any], color_map: NDArray[Any]) -> Image:
    """Each pixel's colour in the palette; an index beyond it is black."""
    palette = np.zeros((int(indices.max()) + 1, 3), np.uint8)
    known = min(len(palette), color_map.shape[1])
    palette[:known] = (color_map[::-1, :known] >> 8).T
    return palette[indices]
