"""Whether a video can be saved where the user wants it, found out before any work is done."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sav.errors import SettingError
from sav.media.addresses import local_path

# What the MP4 that is written may be called.
SUFFIXES = (".mp4", ".m4v", ".mov")


def check_save_path(path: str | Path, source: str | Path | None = None) -> Path:
    """Check that a video can be written to `path`; nothing is left there.

    Args:
        path: Where the video should go; a file that is there is replaced only when the new one is whole.
        source: The video that is read, in any spelling, which must not be overwritten.

    Returns:
        The path.

    Raises:
        FileNotFoundError: Its folder does not exist.
        NotADirectoryError: Its folder is a file.
        IsADirectoryError: It is a folder itself.
        PermissionError: Nothing can be written in its folder.
        SettingError: Its suffix is not one of MP4's, or what is written would replace the source.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise SettingError(f"{path} must end in {' or '.join(SUFFIXES)}: the video is written as MP4")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file in it")
    folder = path.parent
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}: make it, or give another save path")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder: give another save path")
    read = None if source is None else local_path(source)
    if read is not None and read.exists():
        _check_apart(path, read)
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PermissionError(f"cannot write in the folder {folder}: {error.strerror}") from None
    return path


def interrupted_path(path: Path) -> Path:
    """Where what is done of the video at `path` goes if the rest is not."""
    return path.with_name(f"{path.stem}.interrupted{path.suffix}")


def annotations_folder(path: Path) -> Path:
    """Where the annotation files of the video at `path` go."""
    return path.with_name(f"{path.stem}_annotations")


def _check_apart(path: Path, source: Path) -> None:
    """Pass if nothing that goes to `path` or beside it can replace `source`, which exists."""
    if path.exists() and path.samefile(source):
        raise SettingError(f"{path} is the video that is read: give another save path")
    unfinished = interrupted_path(path)
    if unfinished.exists() and unfinished.samefile(source):
        raise SettingError(
            f"if it is interrupted, {path} would replace the video that is read, {source}: "
            "give another save path"
        )
    around = (source.resolve(), *source.resolve().parents)
    for folder in (annotations_folder(path), annotations_folder(unfinished)):
        if folder.exists() and any(folder.samefile(parent) for parent in around):
            raise SettingError(
                f"the annotations of {path} go to {folder}, where the video that is read lies: "
                "give another save path"
            )
