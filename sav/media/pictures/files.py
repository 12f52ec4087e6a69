"""Which files are pictures, which are left out, and what their results are called."""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from sav.errors import PictureError
from sav.media.pictures.kinds import advice
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

# Most bytes of a result's name before what each kind of result adds to it; file systems hold 255.
LONGEST_STEM = 180


def find_pictures(paths: Sequence[str]) -> list[Path]:
    """The pictures at several paths, each once; `*`, `?` and `[]` are filled in where no shell has done it.

    Among several paths, files of other kinds are left out and logged, as `folder/*` names them along with
    the pictures; one alone is meant to be one.

    Raises:
        FileNotFoundError: If there is nothing at a path, or no picture anywhere.
        PictureError: If the only path is a file of another kind, or one is an address.
    """
    expanded = [path for text in paths for path in _expanded(text)]
    others = [path for path in expanded if path.suffix.lower() not in SUFFIXES and _is(path.is_file)]
    if len(others) == len(expanded):
        return list_pictures(expanded[0])
    if others:
        _log.warning("left out: %s, no pictures that can be read here", _first_of(others))
    found: list[Path] = []
    for path in expanded:
        if path not in others:
            found += list_pictures(path)
    return list(dict.fromkeys(found))


def _expanded(text: str) -> list[Path]:
    path = Path(text)
    if _is(path.exists) or _is(path.is_symlink) or not re.search(r"[*?[]", text):
        return [path]
    found = sorted(Path(name) for name in glob(text, recursive=True))  # noqa: PTH207
    if not found:
        raise FileNotFoundError(f"nothing matches {text}")
    return found


def _first_of(paths: Sequence[Path]) -> str:
    """The first of several, and how many more there are."""
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def list_pictures(path: Path) -> list[Path]:
    """The picture at `path`, or all pictures in that folder, sorted by name; logs what it leaves out.

    Hidden files are no pictures (a Mac leaves a `._a.jpg` beside each `a.jpg`), and neither are folders.

    Raises:
        FileNotFoundError: If there is nothing at `path`, or no picture in the folder.
        PictureError: If `path` is a file of another kind, or an address, or a folder that cannot be read.
    """
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


def _in_folder(folder: Path) -> list[Path]:
    try:
        visible = sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    except OSError as error:
        raise PictureError(f"cannot read the folder {folder}: {error.strerror}") from error
    named = [item for item in visible if item.suffix.lower() in SUFFIXES]
    found = [item for item in named if not _is(item.is_dir)]

    unread = Counter(item.suffix.lower() for item in visible if item.suffix.lower() in _OTHERS)
    known = {*SUFFIXES, *_OTHERS}
    others = sum(item.suffix.lower() not in known and not _is(item.is_dir) for item in visible)
    left_out = _left_out(unread, others, len(named) - len(found))
    if not found:
        looked_for = "" if unread else f"looked for {_KNOWN}"
        raise FileNotFoundError(f"no pictures in {folder}; {'; '.join(filter(None, [left_out, looked_for]))}")
    if left_out:
        _log.warning("%s", left_out)
    return found


def _is(question: Callable[[], bool]) -> bool:
    """The answer to `path.is_dir` and its like; no where the system gives none, as reading will say."""
    try:
        return question()
    except OSError:  # a loop of links, a name too long, a place that may not be seen
        return False


def _left_out(unread: Counter[str], others: int, folders: int) -> str:
    """What to say of files that are not read, and folders that look like pictures; empty if of none."""
    parts = []
    if unread:
        counts = _in_words([f"{number} {suffix}" for suffix, number in sorted(unread.items())])
        files = "file" if unread.total() == 1 else "files"
        parts.append(f"{counts} {files}, which cannot be read here ({_advice(unread)})")
    if others:
        parts.append("1 file that is no picture" if others == 1 else f"{others} files that are no pictures")
    if folders:
        parts.append(f"{count(folders, 'folder')} named like a picture")
    return f"left out: {', and '.join(parts)}" if parts else ""


def _advice(suffixes: Iterable[str]) -> str:
    return advice("HEIF" if any(suffix in _HEIF for suffix in suffixes) else "")


def _in_words(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def output_stems(pictures: Sequence[Path], others: Collection[str] = ()) -> list[str]:
    """A name for each picture's results, without suffix; no two are the same, on any file system.

    A picture alone in having its stem keeps it; `a.jpg` and `a.png` become `a_jpg` and `a_png`. Names too
    long for what results add to them are cut and end in eight digits of their hash; what is not UTF-8 is
    replaced.

    Args:
        pictures: The pictures.
        others: Names that other pictures' results have.
    """
    plain = [_fit(readable(picture.stem)) for picture in pictures]
    shared = Counter([*map(_folded, plain), *map(_folded, others)])
    taken = {stem for stem, number in shared.items() if number == 1} | set(map(_folded, others))
    stems = []
    for picture, stem in zip(pictures, plain, strict=True):
        if shared[_folded(stem)] > 1:
            stem = _fit(f"{readable(picture.stem)}_{picture.suffix[1:]}")
            while _folded(stem) in taken:
                stem += "_"
            taken.add(_folded(stem))
        stems.append(stem)
    return stems


def readable(name: str) -> str:
    """A file's name with what is not UTF-8 in it replaced, so that any file can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fit(stem: str) -> str:
    """The stem if it is short enough, else its beginning and a hash of all of it."""
    whole = stem.encode()
    if len(whole) <= LONGEST_STEM:
        return stem
    digest = hashlib.blake2b(whole, digest_size=4).hexdigest()
    return f"{whole[: LONGEST_STEM - 9].decode('utf-8', 'ignore')}_{digest}"


def _folded(stem: str) -> str:
    """The same for names that some file system takes for the same."""
    return unicodedata.normalize("NFC", stem.casefold())
