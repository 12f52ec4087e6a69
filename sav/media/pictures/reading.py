"""A picture file read: the file opened with care, the decoder for its kind chosen, errors put in one line."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sav.config import MAX_PICTURE_MEGAPIXELS
from sav.data.types import Image
from sav.errors import PictureError
from sav.media.pictures.decoding import Limit, decode_content
from sav.media.pictures.files import refuse_address
from sav.media.pictures.kinds import HEAD, kind_of
from sav.media.pictures.png import decode_png
from sav.media.pictures.tiff import decode_tiff

# What a file may weigh, and how much more for each pixel that is allowed: it is taken whole into memory.
_MOST_BYTES = 2**26
_MOST_BYTES_A_PIXEL = 16


def read_picture(path: Path, max_megapixels: float = MAX_PICTURE_MEGAPIXELS) -> Image:
    """Decode to `(H, W, 3)` uint8 BGR, upright; transparency is dropped, the first of several pictures taken.

    More than 8 bits, and floats, become 8 as `to_8_bits` says.

    Args:
        path: The file; its content says of what kind it is, not its name.
        max_megapixels: Width times height, in millions, above which a picture is refused, before it is
            decoded.

    Raises:
        OSError: If the file cannot be opened.
        PictureError: If it is damaged, cut short, too large, or no picture.
    """
    with _regular_file(path) as file:
        try:
            return _decode(file, Limit(max_megapixels))
        except Exception as error:  # damaged files make decoders raise anything
            raise PictureError(f"{path} cannot be read as a picture: {_reason(error)}") from error


@contextlib.contextmanager
def _regular_file(path: Path) -> Iterator[BinaryIO]:
    """The file, opened without waiting for whoever might write into a pipe of that name."""
    waits_not = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | waits_not)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PictureError(
                    f"{path} cannot be read as a picture: it is a pipe or a device, not a file"
                )
            yield file
    except OSError as error:
        refuse_address(path)
        raise type(error)(f"{path} cannot be opened: {error.strerror or error}") from error


def _decode(file: BinaryIO, limit: Limit) -> Image:
    kind = kind_of(file.read(HEAD))
    if not kind:
        empty = not file.seek(0, os.SEEK_END)
        raise ValueError(
            "it is empty" if empty else "its content is none, or of a kind that is not read here"
        )
    if kind == "TIFF":
        return decode_tiff(file, limit)
    if file.seek(0, os.SEEK_END) > _MOST_BYTES + _MOST_BYTES_A_PIXEL * limit.pixels:
        raise ValueError("the file is far too large for one")
    file.seek(0)
    # In memory nobody makes room for more bytes than there are, whatever a file says of its lengths.
    content = file.read()
    return decode_png(content, limit) if kind == "PNG" else decode_content(kind, content, limit)


def _reason(error: Exception) -> str:
    """What an exception says, and its kind where that says more."""
    said = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, ValueError | OSError | SyntaxError) and said:
        return said
    return f"it is damaged ({type(error).__name__}{': ' + said if said else ''})"
