"""Pillow's decoders: what they give as upright BGR, and what bounds their time and memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, ImageFile
from PIL import Image as Pillow

from sav.data.types import Image
from sav.media.pictures.kinds import open_as
from sav.media.pictures.scaling import to_8_bits

_CHUNK = 2**20  # pixels converted at once

# Times that a decoder may go over the largest picture allowed: a small JPEG can ask for thousands of scans.
_MOST_PASSES = 25
# Wavelets are summed over the whole picture, whether there is anything in them or not.
_MOST_PIXELS_A_BYTE = 10_000
# Pillow joins such blocks one by one, and copies all before each time.
_MOST_EXIF = 100
_RUN_LENGTHS = (1, 2)  # ways in which a BMP is compressed

# What of OpenCV makes a picture upright, by its Exif orientation: whether rows become columns, then the flip.
_TURNS = {
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


class TooLargeError(ValueError):
    """A picture has more pixels than are allowed."""


@dataclass(frozen=True)
class Limit:
    """How large a picture may be.

    Attributes:
        megapixels: Width times height, in millions.
    """

    megapixels: float

    @property
    def pixels(self) -> float:
        """The same in pixels."""
        return self.megapixels * 1e6

    def check(self, width: int, height: int) -> None:
        """Raise TooLargeError if a picture of this size is too large."""
        if width * height > self.pixels:
            megapixels = math.ceil(width * height / 1e5) / 10
            raise TooLargeError(
                f"it has {megapixels} megapixels ({width}x{height}), and the limit is"
                f" {self.megapixels:g}; if there is memory for it, raise --max_megapixels"
            )


def decode_content(kind: str, content: bytes, limit: Limit) -> Image:
    """Decode a whole file of this kind to `(H, W, 3)` uint8 BGR, upright.

    Raises:
        Exception: Of any type, if it is damaged.
    """
    if kind == "JPEG" and content.count(b"Exif\0\0") > _MOST_EXIF:
        raise ValueError("it has far too many blocks of Exif data")
    with _opened(kind, BytesIO(content), limit) as opened:
        _check_effort(kind, opened, content, limit)
        if kind == "BMP" and opened.info.get("compression") in _RUN_LENGTHS:
            return _decode_run_lengths(content)
        return _loaded(opened)


def decode_file(kind: str, file: BinaryIO, limit: Limit) -> Image:
    """Decode likewise, but read only what is needed from a file that may have much more in it."""
    with _opened(kind, file, limit) as opened:
        return _loaded(opened)


@contextmanager
def _opened(kind: str, file: BinaryIO, limit: Limit) -> Iterator[ImageFile.ImageFile]:
    try:
        with open_as(kind, file) as opened:
            limit.check(*opened.size)
            yield opened
    except Pillow.DecompressionBombError as error:  # some decoders ask for the process's limit all the same
        raise TooLargeError(f"it is too large for the decoder of {kind}; save it as PNG or TIFF") from error


def _loaded(opened: ImageFile.ImageFile) -> Image:
    opened.load()
    return upright(to_bgr(opened), orientation_of(opened))


def _check_effort(kind: str, opened: ImageFile.ImageFile, content: bytes, limit: Limit) -> None:
    """Refuse files of few bytes that keep a decoder busy for minutes."""
    pixels = opened.width * opened.height
    if kind == "JPEG" and "progressive" in opened.info:
        scans = content.count(b"\xff\xda")
        if scans * pixels > _MOST_PASSES * limit.pixels:
            raise ValueError(f"it would be decoded in {scans} passes; save it again with fewer scans")
    if kind == "JPEG 2000" and pixels > _MOST_PIXELS_A_BYTE * len(content) + _CHUNK:
        raise ValueError(f"{len(content)} bytes cannot hold its {opened.width}x{opened.height} pixels")


def _decode_run_lengths(content: bytes) -> Image:
    """A run-length coded BMP, which Pillow decodes byte by byte in Python."""
    try:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        decoded = None
    if decoded is None:
        raise ValueError("its run lengths are damaged, or it is wider or higher than a million pixels")
    return np.asarray(decoded, np.uint8)


def to_bgr(picture: Pillow.Image) -> Image:
    """The pixels of a Pillow picture as `(H, W, 3)` uint8 BGR, without transparency."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return np.repeat(to_8_bits(np.asarray(picture))[..., None], 3, axis=2)
    width, height = picture.size
    bgr = np.empty((height, width, 3), np.uint8)
    rows = max(1, _CHUNK // width)
    for top in range(0, height, rows):
        part = picture.crop((0, top, width, min(top + rows, height)))
        part.info.pop("transparency", None)  # what is lost of it, Pillow warns of
        bgr[top : top + rows] = np.asarray(part.convert("RGB"))[..., ::-1]
    return bgr


def orientation_of(opened: Pillow.Image) -> int:
    """The Exif orientation of a loaded picture, 1 to 8; 1 if its Exif data are broken."""
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow's readers of Exif and XMP raise anything
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TURNS else 1


def upright(image: Image, orientation: int) -> Image:
    """Turn a picture that was taken in this Exif orientation."""
    is_transposed, flip = _TURNS.get(orientation, (False, None))
    if is_transposed:
        image = np.asarray(cv2.transpose(image), np.uint8)
    return image if flip is None else np.asarray(cv2.flip(image, flip), np.uint8)
