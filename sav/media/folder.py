"""The reader for a folder of numbered pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from sav.media.colors import ColorTags
from sav.media.pictures import SUFFIXES, read_picture
from sav.media.selection import Selection, reached
from sav.media.video import VideoDamagedError, VideoError, VideoInfo, VideoReader, VideoSizeChangedError
from sav.types import Frame, Image

_BT709 = ColorTags(1, 1, 1)


class FolderReader(VideoReader):
    """Reads the pictures of a folder as a video, in the order of the numbers in their names."""

    def __init__(self, folder: Path, selection: Selection, frame_rate: Fraction) -> None:
        """Find the wanted pictures in `folder`, to be shown at `frame_rate` pictures per second.

        Raises:
            VideoError: There is no picture in it, or none is wanted.
        """
        paths = sorted((p for p in folder.iterdir() if _is_picture(p)), key=_natural)
        if not paths:
            raise VideoError(f"{folder} has no pictures: give a folder of {', '.join(SUFFIXES)} files")
        self._frame_rate = frame_rate
        self._wanted = _select(paths, selection, frame_rate)
        if not self._wanted:
            raise VideoError(f"{folder} has {len(paths)} pictures, none after the start that is asked for")
        first_number, first_path = self._wanted[0]
        self.info = VideoInfo(
            size_hw=_size_hw(_read(first_path)),
            frame_rate=frame_rate / selection.stride,
            time_base=1 / frame_rate,
            name=str(folder),
            frame_count=len(self._wanted),
            colors=_BT709,
            origin=first_number / frame_rate,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures; see `VideoReader.__iter__`."""
        for index, (number, path) in enumerate(self._wanted):
            image = _read(path)
            if _size_hw(image) != self.info.size_hw:
                raise VideoSizeChangedError(
                    f"{path} is {image.shape[1]}x{image.shape[0]}, but the pictures before it are "
                    f"{self.info.size_hw[1]}x{self.info.size_hw[0]}"
                )
            self.end_time = (number + 1) / self._frame_rate
            yield Frame(image, index, path.name, number / self._frame_rate)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _size_hw(image: Image) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key that puts `2.png` before `10.png`."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], path.name


def _select(paths: list[Path], selection: Selection, frame_rate: Fraction) -> list[tuple[int, Path]]:
    start, end = selection.start or 0, selection.end
    inside = [
        (number, path)
        for number, path in enumerate(paths)
        if reached(start, number, number / frame_rate)
        and (end is None or not reached(end, number, number / frame_rate))
    ]
    return inside[:: selection.stride]


def _read(path: Path) -> Image:
    try:
        return read_picture(path)
    except (ValueError, OSError) as error:
        raise VideoDamagedError(str(error)) from error
