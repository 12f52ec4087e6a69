"""Find a checkpoint on disk, or fetch an official one, check it and put it in place whole."""

from __future__ import annotations

import contextlib
import logging
import socket
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sav.files import whole_file

logger = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A checkpoint that cannot be had, or cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """Where an official checkpoint comes from.

    Attributes:
        url: Its address.
        sha256_prefix: First hex digits of its SHA-256, as its publisher names them; empty if he does not.
    """

    url: str
    sha256_prefix: str = ""


_SAM = "https://dl.fbaipublicfiles.com/segment_anything/"
_YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"

OFFICIAL: dict[str, Release] = {
    "sam_vit_h_4b8939.pth": Release(_SAM + "sam_vit_h_4b8939.pth", "4b8939"),
    "sam_vit_l_0b3195.pth": Release(_SAM + "sam_vit_l_0b3195.pth", "0b3195"),
    "sam_vit_b_01ec64.pth": Release(_SAM + "sam_vit_b_01ec64.pth", "01ec64"),
    **{f"yolov8{size}.pt": Release(f"{_YOLO}yolov8{size}.pt") for size in "nsmlx"},
}
# Seconds of silence after which a server counts as gone.
_SERVER_TIMEOUT = 30.0


def find_checkpoints(
    paths: Sequence[str | Path], offline: bool = False, releases: Mapping[str, Release] = OFFICIAL
) -> list[Path]:
    """The checkpoints at `paths`; those with official names that are not there are downloaded to them.

    Nothing is downloaded unless all can be had.

    Args:
        paths: Where the files are, or are to be.
        offline: Never try to download.
        releases: Which names can be downloaded, and from where.

    Raises:
        CheckpointError: If some are not there and cannot be downloaded; the message names them all.
    """
    places = [Path(path) for path in paths]
    problems = [problem for place in places if (problem := _problem(place, offline, releases))]
    if problems:
        raise CheckpointError("; ".join(dict.fromkeys(problems)))
    for place in places:
        if not place.exists():
            _download(releases[place.name], place)
    return places


def find_checkpoint(
    path: str | Path, offline: bool = False, releases: Mapping[str, Release] = OFFICIAL
) -> Path:
    """One checkpoint, found or downloaded as `find_checkpoints` does it."""
    return find_checkpoints([path], offline, releases)[0]


def _problem(path: Path, offline: bool, releases: Mapping[str, Release]) -> str | None:
    """Why there is no checkpoint to be had at `path`; None if there is one, or it can be downloaded."""
    if path.is_dir():
        return f"{path} is a folder; name the checkpoint file in it"
    if path.exists():
        return None if path.is_file() else f"{path} is not a file"
    if path.name not in releases:
        return (
            f"no checkpoint at {path}; names that are downloaded when missing: {', '.join(sorted(releases))}"
        )
    if offline:
        by_hand = _by_hand(releases[path.name], path)
        return f"no checkpoint at {path}, and --offline was given; {by_hand}"
    return None


def _by_hand(release: Release, path: Path) -> str:
    return f"get it from {release.url} and put it at {path}"


def _download(release: Release, path: Path) -> None:
    """Fetch `release` beside `path`, check it, and only then give it its name."""
    from torch.hub import download_url_to_file

    logger.info("downloading %s to %s", release.url, path)
    try:
        with _folder_for(path), whole_file(path) as partial, _socket_timeout(_SERVER_TIMEOUT):
            download_url_to_file(
                release.url, str(partial.absolute()), hash_prefix=release.sha256_prefix or None
            )
            _check_archive(partial)
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"could not download {path.name} ({reason}); {_by_hand(release, path)}"
        ) from error


@contextlib.contextmanager
def _folder_for(path: Path) -> Iterator[None]:
    """Make the folders that `path` is to lie in; if the block fails, those that were made go again."""
    missing = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # somebody else has put something there
            for folder in missing:
                folder.rmdir()
        raise


def _check_archive(path: Path) -> None:
    """A PyTorch checkpoint is a zip archive, every member with a checksum; older ones are plain pickles.

    Raises:
        zipfile.BadZipFile: If the file is an archive that is damaged, or a web page in place of one.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"the file arrived damaged at {damaged}")
    elif path.read_bytes()[:1] != b"\x80":
        raise zipfile.BadZipFile("what the server sent is not a checkpoint")


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Give up on a silent server; torch.hub has no argument for it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
