"""Text on coloured plates, whole and inside the picture, in any of the alphabets that DejaVu Sans knows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from sav.types import FloatArray, Image


@dataclass(frozen=True)
class Plate:
    """The rectangle behind a text, in pixels, bottom and right exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> slice:
        """From top to bottom."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """From left to right."""
        return slice(self.left, self.right)

    def moved(self, down: int, across: int) -> Plate:
        """The plate moved by so many of its own heights and widths."""
        dy, dx = down * (self.bottom - self.top), across * (self.right - self.left)
        return Plate(self.top + dy, self.left + dx, self.bottom + dy, self.right + dx)


class Layout:
    """Where the texts of one picture go, so that none covers another where there is room beside it."""

    # By how many of its own heights and widths a plate may give way, down and up before sideways.
    _WAYS = tuple((down, across) for across in (0, 1, -1) for down in (0, 1, -1, 2, -2))

    def __init__(self, size_hw: tuple[int, int]) -> None:
        self._taken = np.zeros(size_hw, np.bool_)

    def place(
        self,
        text: str,
        position_xy: NDArray[Any],
        size: int,
        anchor_xy: tuple[float, float] = (0.5, 0.5),
    ) -> Plate:
        """Take the plate for a text, whole inside the picture, as near to its position as there is room.

        Args:
            text: What will be written.
            position_xy: Where it belongs, in pixels.
            size: Height of the letters in pixels.
            anchor_xy: The point of the plate that belongs there, as shares of its width and height.
        """
        first = place_text(text, position_xy, size, self._taken.shape, anchor_xy)
        plates = (first.moved(down, across) for down, across in self._WAYS)
        plate = next((plate for plate in plates if self._is_free(plate)), first)
        self._taken[plate.rows, plate.columns] = True
        return plate

    def _is_free(self, plate: Plate) -> bool:
        height, width = self._taken.shape
        is_inside = min(plate.top, plate.left) >= 0 and plate.bottom <= height and plate.right <= width
        return is_inside and not self._taken[plate.rows, plate.columns].any()


def place_text(
    text: str,
    position_xy: NDArray[Any],
    size: int,
    size_hw: tuple[int, int],
    anchor_xy: tuple[float, float] = (0.5, 0.5),
) -> Plate:
    """Where a text's plate lies, moved as far as it takes to be inside a `size_hw` picture.

    `anchor_xy` is the point of the plate that is to lie at `position_xy`, as shares of its width and height.
    """
    ink_height, ink_width = _ink(text, size).shape
    height = min(ink_height + 2 * _margin(size), size_hw[0])
    width = min(ink_width + 2 * _margin(size), size_hw[1])
    left = _inside(position_xy[0] - width * anchor_xy[0], size_hw[1] - width)
    top = _inside(position_xy[1] - height * anchor_xy[1], size_hw[0] - height)
    return Plate(top, left, top + height, left + width)


def _inside(position: float, last: int) -> int:
    """The whole pixel nearest to `position`, from 0 to `last`."""
    return min(max(0, round(position)), last)


def write_on_plate(drawn: Image, text: str, plate: Plate, bgr: NDArray[np.uint8], size: int) -> None:
    """Paint a plate of colour `bgr`, and `text` on it in black or white, whichever is easier to read."""
    place = drawn[plate.rows, plate.columns]
    place[:] = _written(text, size, tuple(bgr.tolist()))[: place.shape[0], : place.shape[1]]


@lru_cache(maxsize=512)
def _written(text: str, size: int, bgr: tuple[int, int, int]) -> Image:
    """A whole plate with its text."""
    cover = np.pad(_ink(text, size), _margin(size))[..., None]
    luminance = float(np.array(bgr) @ np.array([0.114, 0.587, 0.299]))
    letters = np.float32(0 if luminance > 128 else 255)
    colour = np.array(bgr, np.float32)
    return np.rint(colour + cover * (letters - colour)).astype(np.uint8)


def _margin(size: int) -> int:
    """Width of a plate around its letters."""
    return max(2, size // 4)


@lru_cache(maxsize=512)
def _ink(text: str, size: int) -> FloatArray:
    """How much of each pixel the letters cover, `(h, w)`, 0 to 1; all texts of a size are equally high."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(text)))
    picture = font.getmask(text, mode="L", anchor="ls", start=(0, 0))
    covered = np.array(picture, np.uint8).reshape(picture.size[::-1])
    left, top, _, _ = font.getbbox(text, anchor="ls")
    ink = np.zeros((ascent + descent, width), np.float32)
    _paste(ink, (covered / 255).astype(np.float32), ascent + int(top), int(left))
    return ink


def _paste(canvas: FloatArray, bitmap: FloatArray, top: int, left: int) -> None:
    """Lay `bitmap` on `canvas` with its corner at `top`, `left`, cut to what fits."""
    y0, x0 = max(0, top), max(0, left)
    place = canvas[y0:, x0:]
    piece = bitmap[y0 - top :, x0 - left :][: place.shape[0], : place.shape[1]]
    place[: piece.shape[0], : piece.shape[1]] = piece


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and knows Latin, Greek, Cyrillic and more."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None  # a requirement of the package
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans-Bold.ttf"), size)
