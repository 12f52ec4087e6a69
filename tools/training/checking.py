"""Whether a picture can be trained with: there, whole, and as ultralytics takes it without writing to it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from PIL import Image

# Reasons for which a picture is left out, as they stand in reports.
MISSING, EMPTY, BROKEN, CUT, TRAILING, SMALL, OTHER_SIZE = (
    "missing", "empty file", "cannot be read", "cut off", "bytes after its end", "smaller than 10 pixels",
    "another shape than its annotations say",
)  # fmt: skip
_LEAST_SIDE = 10
# Orientations of EXIF that swap width and height.
_TURNED = {5, 6, 7, 8}
_ORIENTATION = 0x0112
# By how much a copy of another size may differ in its shape: a pixel or two of rounding.
_MOST_ROUNDING = 2.0


class UnfitPictureError(Exception):
    """A picture that is left out; the message is one of the reasons above."""


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as it is seen, EXIF's orientation applied; all of it is decoded.

    ultralytics writes a JPEG anew that does not end with its end marker, whatever the reason. Such ones are
    left out, so that nothing of the user's is written to.

    Raises:
        UnfitPictureError: It is to be left out.
    """
    try:
        if not path.stat().st_size:
            raise UnfitPictureError(EMPTY)
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            kind, (width, height) = picture.format, picture.size
            if picture.getexif().get(_ORIENTATION) in _TURNED:
                width, height = height, width
            picture.draft("RGB", (1, 1))  # of a JPEG all is read, but only an eighth of a side worked out
            picture.load()
    except FileNotFoundError:
        raise UnfitPictureError(MISSING) from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnfitPictureError(CUT if "truncated" in str(error) else BROKEN) from None
    if kind in ("JPEG", "MPO") and not _ends_well(path):
        raise UnfitPictureError(TRAILING)
    if min(width, height) < _LEAST_SIDE:
        raise UnfitPictureError(SMALL)
    return width, height


def check_shape(seen: tuple[int, int], said: tuple[int, int]) -> None:
    """Check that a picture of `seen` (width, height) is one of `said`, or a copy of it in another size.

    Raises:
        UnfitPictureError: It is not; its boxes would lie somewhere else.
    """
    (width, height), (said_width, said_height) = seen, said
    if min(said) <= 0 or abs(width * said_height - height * said_width) > _MOST_ROUNDING * max(*seen, *said):
        raise UnfitPictureError(OTHER_SIZE)


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-2, os.SEEK_END)
        return file.read() == b"\xff\xd9"
