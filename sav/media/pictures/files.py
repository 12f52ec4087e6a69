"""Which files are pictures, and which are left out."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import iglob
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from sav.errors import PictureError, WriteError
from sav.media.pictures.kinds import advice
from sav.media.pictures.paths import PathList, in_order
from sav.media.pictures.subfolders import left_out_below, without_results
from sav.wording import count

_log = logging.getLogger(__name__)

_ALWAYS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif",
    ".jp2", ".j2k", ".j2c", ".jpx", ".mpo", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
)  # fmt: skip
_AVIF = (".avif",)
_HEIF = (".heic", ".heif", ".hif")

# The pictures of every kind that is read here.
SUFFIXES = (
    *_ALWAYS,
    *(_AVIF if find_spec("PIL._avif") else ()),
    *(_HEIF if find_spec("pillow_heif") else ()),
)

_KNOWN = ", ".join(SUFFIXES)

# Pictures that people have beside those; what else lies in a folder is none of ours.
_OTHERS = {
    *_AVIF, *_HEIF, ".jxl", ".jxr", ".heics", ".avifs", ".ico", ".cur", ".icns", ".svg", ".svgz", ".psd",
    ".psb", ".xcf", ".ai", ".eps", ".exr", ".hdr", ".tga", ".dds", ".pcx", ".qoi", ".sgi", ".ras", ".wmf",
    ".emf", ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
    ".pef", ".srw", ".x3f", ".3fr", ".iiq", ".kdc", ".dcr", ".mrw", ".raw", ".dcm", ".fits", ".fit", ".nii",
    ".czi", ".nd2", ".lif", ".lsm", ".svs", ".ndpi", ".mrxs", ".vsi", ".ecw", ".sid", ".img",
}.difference(SUFFIXES)  # fmt: skip


def find_pictures(paths: Sequence[str]) -> Sequence[Path]:
    """The pictures at several paths, each once; `*`, `?` and `[]` are filled in where no shell has done it.

    `folder/**` is all that is in a folder and those below it; of a folder alone it is told what is left out.

    Among several paths, files of other kinds are left out and logged, as `folder/*` names them along with
    the pictures; one alone is meant to be one. There may be a million of them: they are kept on disk.

    Raises:
        FileNotFoundError: If there is nothing at a path, or no picture anywhere.
        PictureError: If the only path is a file of another kind, or one is an address.
        WriteError: The folder for temporary files is full.
    """
    named = PathList(path for text in paths for path in _expanded(text))
    others = sum(map(_is_other, named))
    if others == len(named):
        list_pictures(named[0])  # says what it is
    if others:
        more = f" and {others - 1} more" if others > 1 else ""
        first = next(filter(_is_other, named))
        _log.warning("left out: %s%s, no pictures that can be read here", first, more)

    found = PathList()
    for path in named:
        if not _is_other(path):
            found.extend(_pictures_of(path))
    for path in named:
        if _is(path.is_dir) and (line := left_out_below(path, found, is_picture)):
            _log.warning("left out: %s", line)
    return found


def is_picture(name: str) -> bool:
    """Whether a file is a picture that can be read here, by its name."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 -- a path for each takes its time


def _pictures_of(path: Path) -> Iterable[Path]:
    """The pictures at a path that somebody has named; see `list_pictures`."""
    try:
        return _pictures_at(path)
    except FileNotFoundError as error:
        line = left_out_below(path, (), is_picture)
        if not line:
            raise
        raise FileNotFoundError(f"{error}; left out: {line}") from None


def _is_other(path: Path) -> bool:
    """Whether there is a file at a path, of another kind than pictures."""
    return path.suffix.lower() not in SUFFIXES and _is(path.is_file)


def _expanded(text: str) -> Iterator[Path]:
    path = Path(text)
    if _is(path.exists) or _is(path.is_symlink) or not re.search(r"[*?[]", text):
        yield path
        return
    names: Iterator[str] = iglob(text, recursive=True)  # noqa: PTH207
    if "**" in text:  # of each folder there is all that is in it
        names = (name for name in names if not _is(Path(name).is_dir))
        names = without_results(names, text)
    first = next(names, None)
    if first is None:
        raise FileNotFoundError(f"nothing matches {text}")
    yield from map(Path, in_order(chain([first], names)))


def list_pictures(path: Path) -> list[Path]:
    """The picture at `path`, or all pictures in that folder, sorted by name; logs what it leaves out.

    Hidden files are no pictures (a Mac leaves a `._a.jpg` beside each `a.jpg`), and neither are folders.

    Raises:
        FileNotFoundError: If there is nothing at `path`, or no picture in the folder.
        PictureError: If `path` is a file of another kind, or an address, or a folder that cannot be read.
    """
    return list(_pictures_at(path))


def _pictures_at(path: Path) -> Iterable[Path]:
    """See `list_pictures`."""
    if _is(path.is_dir):
        return _in_folder(path)
    if not _is(path.exists) and not _is(path.is_symlink):
        refuse_address(path)
        raise FileNotFoundError(f"there is no picture or folder {path}")
    suffix = path.suffix.lower()
    if suffix in _OTHERS:
        raise PictureError(f"{path}: {suffix} files cannot be read here; {_advice([suffix])}")
    if suffix not in SUFFIXES:
        raise PictureError(f"{path} is not a picture; known are {_KNOWN}")
    return [path]


def refuse_address(path: Path) -> None:
    """Raise PictureError if a path is rather an address, which has one slash fewer as a path."""
    address = re.sub(r"^([a-z][a-z0-9+.-]+:)/+", r"\1//", str(path), flags=re.IGNORECASE)
    if "://" in address:
        raise PictureError(
            f"{address} is an address, and pictures are read from disk only: download it first"
        )


def _in_folder(folder: Path) -> Iterator[Path]:
    contents = _Contents()
    try:
        found = map(folder.joinpath, in_order(contents.pictures(folder)))
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise PictureError(f"cannot read the folder {folder}: {error.strerror}") from error

    left_out = contents.left_out()
    if not contents.found:
        looked_for = "" if contents.unread else f"looked for {_KNOWN}"
        raise FileNotFoundError(f"no pictures in {folder}; {'; '.join(filter(None, [left_out, looked_for]))}")
    if left_out:
        _log.warning("%s", left_out)
    return found


class _Contents:
    """Counts what is in a folder while it is looked through.

    Attributes:
        found: Pictures.
        unread: Pictures of kinds that are not read, by suffix.
    """

    def __init__(self) -> None:
        self.found, self.unread = 0, Counter[str]()
        self._others = self._folders = 0

    def pictures(self, folder: Path) -> Iterator[str]:
        """The names of the pictures, in no order."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and self._is_picture(entry):
                    self.found += 1
                    yield entry.name

    def _is_picture(self, entry: os.DirEntry[str]) -> bool:
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 -- a path for each takes its time
        if suffix in _OTHERS:
            self.unread[suffix] += 1
            return False
        is_folder, is_named = _is(entry.is_dir), suffix in SUFFIXES
        self._folders += is_folder and is_named
        self._others += not is_folder and not is_named
        return is_named and not is_folder

    def left_out(self) -> str:
        """What to say of files that are not read, and folders that look like pictures; empty if of none."""
        parts = []
        if self.unread:
            counts = _in_words([f"{number} {suffix}" for suffix, number in sorted(self.unread.items())])
            files = "file" if self.unread.total() == 1 else "files"
            parts.append(f"{counts} {files}, which cannot be read here ({_advice(self.unread)})")
        if self._others == 1:
            parts.append("1 file that is no picture")
        elif self._others:
            parts.append(f"{self._others} files that are no pictures")
        if self._folders:
            parts.append(f"{count(self._folders, 'folder')} named like a picture")
        return f"left out: {', and '.join(parts)}" if parts else ""


def _is(question: Callable[[], bool]) -> bool:
    """The answer to `path.is_dir` and its like; no where the system gives none, as reading will say."""
    try:
        return question()
    except OSError:  # a loop of links, a name too long, a place that may not be seen
        return False


def _advice(suffixes: Iterable[str]) -> str:
    return advice("HEIF" if any(suffix in _HEIF for suffix in suffixes) else "")


def _in_words(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)
