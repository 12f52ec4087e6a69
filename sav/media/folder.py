"""The reader for a folder of numbered pictures."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from sav.config import MAX_PICTURE_MEGAPIXELS
from sav.data.types import Frame, Image
from sav.errors import VideoError, VideoSizeChangedError
from sav.media.colors import ColorTags
from sav.media.pictures import list_pictures, output_stems, read_picture, readable
from sav.media.selection import Selection, reached
from sav.media.video import VideoInfo, VideoReader

_log = logging.getLogger(__name__)

_BT709 = ColorTags(1, 1, 1)


class FolderReader(VideoReader):
    """Reads the pictures of a folder as a video, in the order of the numbers in their names.

    A picture that cannot be read is left out with a line in the log; the others keep their times.
    """

    def __init__(
        self,
        folder: Path,
        selection: Selection,
        frame_rate: Fraction,
        max_megapixels: float = MAX_PICTURE_MEGAPIXELS,
    ) -> None:
        """Find the wanted pictures in `folder`, to be shown at `frame_rate` pictures per second.

        Raises:
            VideoError: There is no picture in it, or none is wanted, or none can be read.
        """
        paths = _in_order(folder)
        self._frame_rate, self._max_megapixels = frame_rate, max_megapixels
        self._wanted = _select(paths, selection, frame_rate)
        if not self._wanted and selection.end is not None:
            last = len(paths) - 1
            if reached(selection.end, last, last / frame_rate):
                raise selection.reversed_order()
        if not self._wanted:
            raise VideoError(f"{folder} has {len(paths)} pictures, none after the start that is asked for")
        self.info = VideoInfo(
            size_hw=self._first_size_hw(folder),
            frame_rate=frame_rate / selection.stride,
            time_base=1 / frame_rate,
            name=str(folder),
            frame_count=len(self._wanted),
            colors=_BT709,
            origin=self._wanted[0][0] / frame_rate,
            stems=_stems(paths),
        )

    def _first_size_hw(self, folder: Path) -> tuple[int, int]:
        """The size of the first picture that can be read; those before it are not wanted any more."""
        for position, (_, path) in enumerate(self._wanted):
            image = self._read(path)
            if image is not None:
                self._wanted = self._wanted[position:]
                return _size_hw(image)
        raise VideoError(f"{folder} has no picture that can be read")

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures; see `VideoReader.__iter__`."""
        index = 0
        for number, path in self._wanted:
            image = self._read(path)
            if image is None:
                continue
            if _size_hw(image) != self.info.size_hw:
                raise VideoSizeChangedError(
                    f"{path} is {image.shape[1]}x{image.shape[0]}, but the pictures before it are "
                    f"{self.info.size_hw[1]}x{self.info.size_hw[0]}"
                )
            self.end_time = (number + 1) / self._frame_rate
            yield Frame(image, index, readable(path.name), number / self._frame_rate)
            index += 1

    def _read(self, path: Path) -> Image | None:
        try:
            return read_picture(path, self._max_megapixels)
        except (ValueError, OSError) as error:
            self.left_out += 1
            _log.warning("left out: %s", error)
            return None


def _in_order(folder: Path) -> list[Path]:
    try:
        return sorted(list_pictures(folder), key=_natural)
    except FileNotFoundError as error:
        raise VideoError(f"{error}; give a video, or a folder of pictures") from None


def _stems(paths: list[Path]) -> dict[str, str]:
    """The names of results that are not just a picture's name without its suffix."""
    stems = zip(paths, output_stems(paths), strict=True)
    return {readable(path.name): stem for path, stem in stems if stem != path.stem}


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
