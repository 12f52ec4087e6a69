"""PNGs: colour of 16 bits, which Pillow cuts to 8, and pictures whose texts are damaged or endless."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import cv2
import numpy as np

from sav.data.types import Image
from sav.media.pictures.decoding import Limit, TooLargeError, decode_content, orientation_of, upright
from sav.media.pictures.kinds import open_as
from sav.media.pictures.scaling import to_8_bits

# Chunks that pixels and orientation need; the others hold profiles, texts, times.
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"eXIf")
_WITH_COLOUR = (2, 4, 6)  # colour types of more than one channel


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
    if len(header) == 2 and header[0] == 16 and header[1] in _WITH_COLOUR:
        return _decode_deep_colour(content, limit)
    return decode_content("PNG", content, limit)


def _decode_deep_colour(content: bytes, limit: Limit) -> Image:
    with open_as("PNG", io.BytesIO(content)) as opened:
        limit.check(*opened.size)
        opened.load()  # finds damage, of which OpenCV would speak on stderr
        orientation = orientation_of(opened)
    deep = cv2.imdecode(np.frombuffer(_without_texts(content), np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise ValueError("its pixels are damaged")
    bgr = deep[..., :3] if deep.ndim == 3 else np.repeat(deep[..., None], 3, axis=2)
    return upright(np.ascontiguousarray(to_8_bits(bgr)), orientation)


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
