"""The way in to every video: a file, a folder of pictures, a camera, an address."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from sav.config import MAX_PICTURE_MEGAPIXELS
from sav.media.folder import FolderReader
from sav.media.opening import ReaderConfig, describe
from sav.media.selection import Moment, Selection
from sav.media.stream import StreamReader
from sav.media.video import VideoReader


def open_video(
    source: str | Path,
    start: str | Moment | None = None,
    end: str | Moment | None = None,
    stride: int = 1,
    config: ReaderConfig | None = None,
) -> VideoReader:
    """Open a video and decode its first wanted frame, so that what cannot be read fails here.

    The wanted frames are `frames[start:end:stride]`, exactly; `start` and `end` are each a frame's number
    (`250`), seconds after the first frame (`"12.5s"`), or a clock time (`"00:01:30"`). Frames keep the
    source's time stamps.

    Args:
        source: A file that FFmpeg reads, a folder of numbered pictures, the number of a camera (`"0"`),
            or an RTSP, HTTP or other address.
        start: The first wanted frame.
        end: The first frame that is not wanted any more.
        stride: Of the frames between, every how many.
        config: Time-outs, and the frame rate of a folder of pictures.

    Raises:
        FileNotFoundError: There is no such file or camera.
        ValueError: `start`, `end` or `stride` make no sense (also a VideoError: there is no video in the
            source, or none of its frames is wanted).
    """
    config = config or ReaderConfig()
    selection = Selection.parse(start, end, stride)
    if str(source) and Path(source).is_dir():
        limit = config.max_megapixels or MAX_PICTURE_MEGAPIXELS
        return FolderReader(Path(source), selection, Fraction(config.picture_rate), limit)
    return StreamReader(describe(source, config), selection)
