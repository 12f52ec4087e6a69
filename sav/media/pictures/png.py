"""PNGs: colour of 16 bits, which Pillow cuts to 8, and pictures whose texts are damaged or endless."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

import cv2
import numpy as np

from sav.media.pictures.decoding import Limit, TooLargeError, decode_with_pillow, orientation_of, upright
from sav.media.pictures.kinds import open_as
from sav.media.pictures.scaling import to_8_bits
from sav.types import Image

# Chunks that pixels and orientation need; the others hold profiles, texts, times.
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"eXIf")
_WITH_COLOUR = (2, 4, 6)  # colour types of more than one channel


def decode_png(file: BinaryIO, limit: Limit) -> Image:
    """Decode a PNG to `(H, W, 3)` uint8 BGR, upright.

    Raises:
        Exception: Of any type, if it is damaged.
    """
    try:
        return _decode(file, limit)
    except TooLargeError:
        raise
    except Exception as error:
        # Pillow refuses a picture for a text of more than a megabyte, such as a generator's settings.
        file.seek(0)
        content = file.read()
        needed = b"".join([content[:8], *_needed_chunks(content)])
        if len(needed) == len(content):
            raise
        try:
            return _decode(io.BytesIO(needed), limit)
        except Exception:
            raise error from None


def _decode(file: BinaryIO, limit: Limit) -> Image:
    file.seek(0)
    header = file.read(26)
    if len(header) == 26 and header[24] == 16 and header[25] in _WITH_COLOUR:
        return _decode_deep_colour(file, limit)
    return decode_with_pillow("PNG", file, limit)


def _decode_deep_colour(file: BinaryIO, limit: Limit) -> Image:
    with open_as("PNG", file) as opened:
        limit.check(*opened.size)
        opened.load()  # finds damage, of which OpenCV would speak on stderr
        orientation = orientation_of(opened)
    file.seek(0)
    content = file.read()
    needed = b"".join([content[:8], *_needed_chunks(content)])
    deep = cv2.imdecode(np.frombuffer(needed, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None:
        raise ValueError("its pixels are damaged")
    bgr = deep[..., :3] if deep.ndim == 3 else np.repeat(deep[..., None], 3, axis=2)
    return upright(np.ascontiguousarray(to_8_bits(bgr)), orientation)


def _needed_chunks(content: bytes) -> Iterator[bytes]:
    place = 8
    while place + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if name in _NEEDED:
            yield content[place:end]
        place = end
