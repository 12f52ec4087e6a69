"""Whether a video can be saved where the user wants it, found out before any work is done."""

from __future__ import annotations

import tempfile
from pathlib import Path

_SUFFIXES = (".mp4", ".m4v", ".mov")


def check_save_path(path: str | Path, source: str | Path | None = None) -> Path:
    """Check that a video can be written to `path`; nothing is left there.

    Args:
        path: Where the video should go; a file that is there is replaced only when the new one is whole.
        source: The video that is read, which must not be overwritten.

    Returns:
        The path.

    Raises:
        FileNotFoundError: Its folder does not exist.
        NotADirectoryError: Its folder is a file.
        IsADirectoryError: It is a folder itself.
        PermissionError: Nothing can be written in its folder.
        ValueError: Its suffix is not one of MP4's, or it is the source itself.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise ValueError(f"{path} must end in {' or '.join(_SUFFIXES)}: the video is written as MP4")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file in it")
    folder = path.parent
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}: make it, or give another save path")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder: give another save path")
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise ValueError(f"{path} is the video that is read: give another save path")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PermissionError(f"cannot write in the folder {folder}: {error.strerror}") from None
    return path
