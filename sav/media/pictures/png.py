"""PNGs: colour of 16 bits, which Pillow cuts to 8, and pictures whose texts are damaged or endless."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image
from sav.media.pictures.decoding import Limit, TooLargeError, decode_content, orientation_of, upright
from sav.media.pictures.kinds import open_as
from sav.media.pictures.scaling import to_8_bits

# Chunks that pixels and orientation need; the others hold profiles, texts, times.
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"eXIf")

# By colour type, how Pillow is told to take the high bytes, and how the low ones; or all, where four are few.
_GREY_AND_ALPHA = 4
_HALVES = {2: ("RGB;16B", "RGB;16L"), _GREY_AND_ALPHA: ("RGBA",), 6: ("RGBA;16B", "RGBA;16L")}


def decode_png(content: bytes, limit: Limit) -> Image:
    """Decode a PNG to `(H, W, 3)` uint8 BGR, upright.

    Raises:
        Exception: Of any type, if it is damaged.
    """
    try:
        return _decode(content, limit)
    except TooLargeError:
        raise
    except Exception as error:
        # Pillow refuses a picture for a text of more than a megabyte, such as a generator's settings.
        needed = _without_texts(content)
        if len(needed) == len(content):
            raise
        try:
            return _decode(needed, limit)
        except Exception:
            raise error from None


def _decode(content: bytes, limit: Limit) -> Image:
    header = content[24:26]
    if len(header) == 2 and header[0] == 16 and header[1] in _HALVES:
        return _decode_deep_colour(content, limit, header[1])
    return decode_content("PNG", content, limit)


def _decode_deep_colour(content: bytes, limit: Limit, color_type: int) -> Image:
    halves = [_unpacked(content, limit, mode) for mode in _HALVES[color_type]]
    if color_type == _GREY_AND_ALPHA:  # (H, W, 4): both bytes of grey, both of alpha
        (both, orientation), *_ = halves
        high, low = both[..., :1].repeat(3, axis=2), both[..., 1:2].repeat(3, axis=2)
    else:  # (H, W, 3 or 4)
        (high, orientation), (low, _) = halves
    deep = high[..., 2::-1].astype(np.uint16) << 8 | low[..., 2::-1]
    return upright(np.ascontiguousarray(to_8_bits(deep)), orientation)


def _unpacked(content: bytes, limit: Limit, mode: str) -> tuple[NDArray[np.uint8], int]:
    """The bytes that Pillow takes of pixels that are stored like this, as it is told; and the orientation."""
    with open_as("PNG", io.BytesIO(content)) as opened:
        limit.check(*opened.size)
        opened.tile = [tile._replace(args=mode) for tile in opened.tile]
        opened.load()
        return np.asarray(opened), orientation_of(opened)


def _without_texts(content: bytes) -> bytes:
    return b"".join([content[:8], *_needed_chunks(content)])


def _needed_chunks(content: bytes) -> Iterator[bytes]:
    place = 8
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if name in _NEEDED:
            yield content[place:end]
        place = end
