"""Lines of text as ink: any alphabet in either direction, each run of characters in a font that has it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from sav.drawing.fonts import FontFile, can_shape, font_with, in_language_of, main_font, open_font

# How much of each pixel is covered by letters, `(h, w)`, 0 to 255.
Ink = NDArray[np.uint8]

ELLIPSIS = "…"
# Longer names are cut before anything else is done with them.
_MOST_CHARACTERS = 200
# What joins its neighbours into one letter: zero-width joiners, and the choice between an emoji and a sign.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
# Letters that are written from right to left, and the signs and digits between them.
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RIGHT_TO_LEFT_SPAN = re.compile(f"([{_RIGHT_TO_LEFT}]+(?:[\\W\\d_]+[{_RIGHT_TO_LEFT}]+)*)")
# Letters that are higher than a line are made smaller to fit into it, down to this share.
_LEAST_SHRUNK = 0.5


@lru_cache(maxsize=4096)
def on_one_line(name: str) -> str:
    """A name without line breaks and control characters, in characters that some font here has."""
    is_long = len(name) > _MOST_CHARACTERS
    text = unicodedata.normalize("NFC", name[:_MOST_CHARACTERS])
    plain = " ".join("".join(map(_printable, text)).split())
    return "".join(map(_available, plain)).strip() + ELLIPSIS * is_long


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp", "Zs"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" and character not in _JOINERS else character


def _available(character: str) -> str:
    """The character, or its plain form, or its code point, whatever can be drawn."""
    if character.isascii() or character in _JOINERS or font_with(character):
        return character
    plain = unicodedata.normalize("NFKC", character)
    return plain if all(map(font_with, plain)) else f" U+{ord(character):04X}"


@lru_cache(maxsize=4096)
def shortened(text: str, width: int, size: int) -> str:
    """The text if it is at most `width` pixels wide, or as much of its beginning as fits, and an ellipsis."""
    if ink(text, size).shape[1] <= width:
        return text

    def cut(length: int) -> str:
        return text[:length].rstrip(_JOINERS + " ") + ELLIPSIS

    fitting = bisect_right(range(len(text)), width, key=lambda length: ink(cut(length), size).shape[1])
    return cut(max(0, fitting - 1))


@lru_cache(maxsize=2048)
def ink(text: str, size: int) -> Ink:
    """The letters of a line, `size` pixels high; all lines of a size are equally high."""
    ascent, descent = open_font(main_font(), size).getmetrics()
    pieces = [_piece(run, font, size, is_reversed) for run, font, is_reversed in _runs(text)]
    lines = [np.zeros((ascent + descent, 0), np.uint8)]
    for piece, top, left, advance in pieces:
        line = np.zeros((ascent + descent, max(0, advance)), np.uint8)
        _paste(line, piece, ascent + top, left)
        lines.append(line)
    return np.concatenate(lines, axis=1)


def _runs(text: str) -> list[tuple[str, FontFile, bool]]:
    """Stretches of a text in the order in which they are drawn: the text, its font, whether right to left."""
    runs = []
    for position, span in enumerate(_RIGHT_TO_LEFT_SPAN.split(text)):
        is_reversed = position % 2 == 1
        found = [(piece, font, is_reversed) for piece, font in _in_fonts(span, is_reversed)]
        runs += found[::-1] if is_reversed else found
    return runs


def _in_fonts(span: str, is_reversed: bool) -> list[tuple[str, FontFile]]:
    """Stretches of a span, each with its font."""
    fonts: list[FontFile] = []
    for character in span:
        before = fonts[-1] if fonts else None
        stays = unicodedata.category(character).startswith("M") or character in _JOINERS
        if before and (stays or (is_reversed and before.has(character))):
            fonts.append(before)
        else:
            fonts.append(main_font() if character.isascii() else font_with(character) or main_font())
    grouped = groupby(zip(span, fonts, strict=True), key=lambda pair: pair[1])
    return [("".join(character for character, _ in run), in_language_of(span, font)) for font, run in grouped]


def _piece(text: str, font: FontFile, size: int, is_reversed: bool) -> tuple[Ink, int, int, int]:
    """The ink of one run, where it begins above the baseline and right of the pen, and where the pen ends."""
    ascent, descent = open_font(main_font(), size).getmetrics()
    direction = None
    if not text.isascii() and can_shape():
        direction = "rtl" if is_reversed else "ltr"
    elif is_reversed:
        text = text[::-1]

    opened = open_font(font, size)
    _, top, _, bottom = opened.getbbox(text, anchor="ls", direction=direction)
    too_high = max(-top / ascent, bottom / descent, 1.0)
    if too_high > 1:
        opened = open_font(font, max(1, int(size * max(_LEAST_SHRUNK, 1 / too_high))))

    picture = opened.getmask(text, mode="L", anchor="ls", direction=direction, start=(0, 0))
    covered = np.array(picture, np.uint8).reshape(picture.size[::-1])
    left, top, _, _ = opened.getbbox(text, anchor="ls", direction=direction)
    return covered, int(top), int(left), round(opened.getlength(text, direction=direction))


def _paste(canvas: Ink, bitmap: Ink, top: int, left: int) -> None:
    """Lay `bitmap` on `canvas` with its corner at `top`, `left`, cut to what fits."""
    y0, x0 = max(0, top), max(0, left)
    place = canvas[y0:, x0:]
    piece = bitmap[y0 - top :, x0 - left :][: place.shape[0], : place.shape[1]]
    place[: piece.shape[0], : piece.shape[1]] = piece
