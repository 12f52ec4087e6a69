"""Fonts for every alphabet: those that come with the requirements, then whatever the system has.

Noto Sans and its siblings for other scripts come with the packages manimgx-fonts and manimgx-fonts-cjk (SIL
Open Font License), DejaVu Sans with matplotlib. A font is opened only when all before it lack a character.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont, features

_log = logging.getLogger(__name__)

# As bold as labels are, on the scale on which 400 is regular.
_WEIGHT = 600
_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
# Tables of fonts whose letters are pictures in colour, which cannot be drawn in one.
_COLOURED = {"CBDT", "COLR", "SVG ", "sbix"}
# The fonts of a collection of Noto Sans CJK, whose ideographs differ from language to language.
_JAPANESE, _KOREAN, _CHINESE = 0, 1, 2


@dataclass(frozen=True)
class FontFile:
    """A font: a file, and for a collection the position in it."""

    path: Path
    index: int = 0

    def has(self, character: str) -> bool:
        """Whether it has a letter for a character."""
        known = _characters(self.path)
        position = int(np.searchsorted(known, ord(character)))
        return position < len(known) and int(known[position]) == ord(character)


@lru_cache(maxsize=4096)
def font_with(character: str) -> FontFile | None:
    """The first font that has a character; None, after a line in the log, if none has."""
    found = next((font for font in _fonts() if font.has(character)), None)
    if found is None:
        _tell_missing()
    return found


def in_language_of(text: str, font: FontFile) -> FontFile:
    """The font of its collection whose ideographs are those of a text's language."""
    if not font.path.name.startswith("NotoSansCJK"):
        return font
    kana = any("\u3040" <= character <= "\u30ff" for character in text)
    hangul = any("\uac00" <= character <= "\ud7af" for character in text)
    return FontFile(font.path, _JAPANESE if kana else _KOREAN if hangul else _CHINESE)


@lru_cache(maxsize=256)
def open_font(font: FontFile, size: int) -> ImageFont.FreeTypeFont:
    """A font with letters of `size` pixels, half bold where its weight can be chosen."""
    opened = ImageFont.truetype(str(font.path), size, font.index)
    try:
        axes = opened.get_variation_axes()
    except (OSError, NotImplementedError):
        return opened  # its weight is what it is
    weights = [_WEIGHT if axis["name"] == b"Weight" else axis["default"] or 0 for axis in axes]
    opened.set_variation_by_axes([float(weight) for weight in weights])
    return opened


@lru_cache(maxsize=1)
def can_shape() -> bool:
    """Whether letters are joined and ordered as their script wants it, which takes the library FriBiDi."""
    found = bool(features.check("raqm"))
    if not found:
        _log.warning("Arabic, Hindi and the like are written letter by letter: install libfribidi0")
    return found


@lru_cache(maxsize=1)
def main_font() -> FontFile:
    """The font that labels are written in as long as it has their letters."""
    return next(_packaged())


@lru_cache(maxsize=1)
def _fonts() -> tuple[FontFile, ...]:
    return (*_packaged(), *_installed())


def _packaged() -> Iterator[FontFile]:
    """Noto Sans, Noto for the other scripts, DejaVu Sans; a package that is not there is left out."""
    noto = [path for path in _files_of("manimgx_fonts", "") if "Italic" not in path.name]
    noto.sort(key=lambda path: (not path.name.startswith("NotoSans["), path.name))
    dejavu = _files_of("matplotlib", "mpl-data/fonts/ttf")
    bold = [path for path in dejavu if path.stem == "DejaVuSans-Bold"]
    for path in [*noto, *_files_of("manimgx_fonts_cjk", ""), *bold]:
        yield FontFile(path)


def _installed() -> Iterator[FontFile]:
    """The system's fonts, and its user's."""
    for folder in _system_folders():
        for path in _font_files(folder):
            # This one of macOS draws a box for every character that there is.
            if "LastResort" not in path.name:
                yield FontFile(path)


def _files_of(package: str, folder: str) -> list[Path]:
    spec = find_spec(package)
    return _font_files(Path(spec.origin).parent / folder) if spec and spec.origin else []


def _font_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def _system_folders() -> list[Path]:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() fails for a user without one
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft/Windows/Fonts"
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts", local]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts"]
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, home / ".fonts", home / ".local/share/fonts"]


@lru_cache(maxsize=4096)
def _characters(path: Path) -> NDArray[np.uint32]:
    """The code points of a font's letters, rising; none if it cannot be read or draws in colour."""
    from fontTools.ttLib import TTFont

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            known = [] if _COLOURED & set(font.keys()) else sorted(font.getBestCmap() or ())
    except Exception as error:  # the reader raises whatever a broken file makes it stumble over
        _log.debug("font %s cannot be read: %s", path, error)
        known = []
    return np.array(known, np.uint32)


@lru_cache(maxsize=1)
def _tell_missing() -> None:
    _log.warning(
        "no font here has all letters of the class names; they are written as code points (U+...)."
        " pip install manimgx-fonts manimgx-fonts-cjk brings fonts for most scripts,"
        " and those that the system has installed are found, too"
    )
