"""A folder of videos: told from a folder of pictures, which is one video itself."""

from __future__ import annotations

import logging
from pathlib import Path

from PIL import Image as Pillow

from sav.errors import VideoError
from sav.media.pictures import SUFFIXES
from sav.wording import count

_log = logging.getLogger(__name__)

# What videos are called; FFmpeg knows more, which are taken when they are named one by one.
VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mpe", ".m2v",
    ".vob", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".ogm", ".mxf", ".divx", ".dv", ".y4m",
    ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".rm", ".rmvb",
)  # fmt: skip


def has_videos(folder: Path) -> bool:
    """Whether a folder is one of videos, and not one of numbered pictures, which is a video itself.

    A GIF is what it shows: a video if it moves, else a picture.

    Raises:
        VideoError: It has both or neither, or cannot be read.
    """
    files = _visible(folder)
    videos = {path.suffix.lower() for path in files if _is_video(path)}
    pictures = {path.suffix.lower() for path in files if not _is_video(path)} & {*SUFFIXES}
    if videos and pictures:
        raise VideoError(
            f"{folder} has both videos ({min(videos)}) and pictures ({min(pictures)}): give each a"
            " folder of its own, for pictures in a folder are one video, and videos many"
        )
    if not videos and not pictures:
        raise VideoError(f"{folder} has neither videos nor pictures")
    return bool(videos)


def list_videos(folder: Path) -> list[Path]:
    """The videos in a folder, sorted by name; hidden files and those of other kinds are left out, and logged.

    Raises:
        VideoError: It cannot be read.
    """
    files = [path for path in _visible(folder) if path.is_file()]
    videos = [path for path in files if _is_video(path)]
    if len(videos) < len(files):
        _log.info("left out: %s that %s no video", *_others(len(files) - len(videos)))
    return videos


def _is_video(path: Path) -> bool:
    """Whether a file is called as videos are, or is a GIF that moves."""
    suffix = path.suffix.lower()
    if suffix != ".gif":
        return suffix in VIDEO_SUFFIXES
    try:
        with Pillow.open(path) as picture:
            return bool(getattr(picture, "is_animated", False))
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError):
        return False


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise VideoError(f"{folder} cannot be read: {error.strerror}") from error


def _others(number: int) -> tuple[str, str]:
    return count(number, "file"), "is" if number == 1 else "are"
