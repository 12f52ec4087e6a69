"""Find a checkpoint on disk, or fetch an official one, check it and put it in place whole."""

from __future__ import annotations

import contextlib
import logging
import socket
import zipfile
from collections.abc import Iterator
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


def find_checkpoint(path: str | Path, offline: bool = False, releases: dict[str, Release] = OFFICIAL) -> Path:
    """The checkpoint at `path`; one with an official name that is not there is downloaded to it.

    Args:
        path: Where the file is, or is to be.
        offline: Never try to download.
        releases: Which names can be downloaded, and from where.

    Raises:
        CheckpointError: If there is no such file and it cannot be downloaded.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; name the checkpoint file in it")
    if path.exists():
        return path
    if path.name not in releases:
        known = ", ".join(sorted(releases))
        raise CheckpointError(f"no checkpoint at {path}; names that are downloaded when missing: {known}")
    release = releases[path.name]
    if offline:
        raise CheckpointError(f"no checkpoint at {path}, and --offline was given; {_by_hand(release, path)}")
    _download(release, path)
    return path


def _by_hand(release: Release, path: Path) -> str:
    return f"get it from {release.url} and put it at {path}"


def _download(release: Release, path: Path) -> None:
    """Fetch `release` beside `path`, check it, and only then give it its name."""
    from torch.hub import download_url_to_file

    logger.info("downloading %s to %s", release.url, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, _socket_timeout(_SERVER_TIMEOUT):
            download_url_to_file(release.url, str(partial), hash_prefix=release.sha256_prefix or None)
            _check_archive(partial)
    except (OSError, RuntimeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"could not download {path.name} ({reason}); {_by_hand(release, path)}"
        ) from error


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
