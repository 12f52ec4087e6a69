"""Find a checkpoint on disk, or fetch an official one, check it and put it in place whole."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import logging
import socket
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sav.errors import CheckpointError
from sav.files import whole_file

logger = logging.getLogger(__name__)

# Bytes that are read at once.
_CHUNK = 1 << 24


@dataclass(frozen=True)
class Release:
    """Where an official checkpoint comes from.

    Attributes:
        url: Its address.
        sha256: Its SHA-256; empty if that is not known, and it is checked as an archive alone.
    """

    url: str
    sha256: str = ""


_SAM = "https://dl.fbaipublicfiles.com/segment_anything/"
_SAM_2 = "https://dl.fbaipublicfiles.com/segment_anything_2/"
_MOBILE_SAM = "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/"
_YOLO = "https://github.com/ultralytics/assets/releases/download/v8.4.0/"
_CLIP = "https://openaipublic.azureedge.net/clip/models/"
_MOBILE_CLIP = "https://docs-assets.developer.apple.com/ml-research/datasets/mobileclip/"
_MOBILE_CLIP_2 = "https://huggingface.co/apple/MobileCLIP2-B/resolve/main/"

# Meta and MobileSAM's authors name no SHA-256, and the digits in SAM's names are those of MD5. These are the
# same in all public projects that pin the files (micro-sam, TomoSAM and others).
_SAM_SHA256 = {
    "sam_vit_h_4b8939.pth": "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
    "sam_vit_l_0b3195.pth": "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
    "sam_vit_b_01ec64.pth": "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
}
_SAM_2_SHA256 = {
    "072824/sam2_hiera_tiny.pt": "65b50056e05bcb13694174f51bb6da89c894b57b75ccdf0ba6352c597c5d1125",
    "072824/sam2_hiera_small.pt": "95949964d4e548409021d47b22712d5f1abf2564cc0c3c765ba599a24ac7dce3",
    "072824/sam2_hiera_base_plus.pt": "d0bb7f236400a49669ffdd1be617959a8b1d1065081789d7bbff88eded3a8071",
    "072824/sam2_hiera_large.pt": "7442e4e9b732a508f80e141e7c2913437a3610ee0c77381a66658c3a445df87b",
    "092824/sam2.1_hiera_tiny.pt": "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
    "092824/sam2.1_hiera_small.pt": "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
    "092824/sam2.1_hiera_base_plus.pt": "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
    "092824/sam2.1_hiera_large.pt": "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
}
# OpenAI's address names it.
_CLIP_SHA256 = "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"
_YOLOE = ("v8s", "v8m", "v8l", "11s", "11m", "11l", "26n", "26s", "26m", "26l", "26x")
_DETECTORS = (
    *(f"yolov8{size}" for size in "nsmlx"),
    *(f"yolov8{size}-{kind}" for kind in ("world", "worldv2") for size in "smlx"),
    *(f"yoloe-{size}-seg{own}" for size in _YOLOE for own in ("", "-pf")),
)
OFFICIAL: dict[str, Release] = {
    **{name: Release(_SAM + name, sha256) for name, sha256 in _SAM_SHA256.items()},
    **{path.rpartition("/")[2]: Release(_SAM_2 + path, sha256) for path, sha256 in _SAM_2_SHA256.items()},
    "mobile_sam.pt": Release(
        _MOBILE_SAM + "mobile_sam.pt", "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f"
    ),
    **{f"{name}.pt": Release(f"{_YOLO}{name}.pt") for name in _DETECTORS},
    "ViT-B-32.pt": Release(f"{_CLIP}{_CLIP_SHA256}/ViT-B-32.pt", _CLIP_SHA256),
    "mobileclip_blt.pt": Release(_MOBILE_CLIP + "mobileclip_blt.pt"),
    "mobileclip2_b.pt": Release(_MOBILE_CLIP_2 + "mobileclip2_b.pt"),
}
# Bytes and SHA-256 of the small ones in model/, which know rendered streets alone.
DEMO = {
    6244064: "c49f0042209bc62957bbf27e98cde8923d4a710b678c63c854830f144fef0d72",
    8269071: "404f03e0644190510e561bd097453cae0463eab5c733bd26dab62d8f443f6e3d",
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
    places = check_checkpoints(paths, offline, releases)
    for place in places:
        if not place.exists():
            _download(releases[place.name], place)
    return places


def check_checkpoints(
    paths: Sequence[str | Path], offline: bool = False, releases: Mapping[str, Release] = OFFICIAL
) -> list[Path]:
    """Check, without downloading anything, that all checkpoints are there or can be downloaded.

    Raises:
        CheckpointError: If some cannot be had; the message names them all.
    """
    places = [Path(path) for path in paths]
    missing = list(dict.fromkeys(place for place in places if not place.exists()))
    unknown = [str(place) for place in missing if place.name not in releases]
    problems = []
    official = [place for place in missing if place.name in releases] if offline else []
    if official:
        problems.append(_offline_line(official, releases))
    if unknown:
        problems.append(f"no checkpoint at {' and '.join(unknown)}; {_official(unknown[0], releases)}")
    for place in places:
        if place.is_dir():
            problems.append(f"{place} is a folder; name the checkpoint file in it")
        elif place.exists() and not place.is_file():
            problems.append(f"{place} is not a file")
    if problems:
        raise CheckpointError("; ".join(dict.fromkeys(problems)))
    return places


def _offline_line(missing: Sequence[Path], releases: Mapping[str, Release]) -> str:
    """What to say of checkpoints that may not be downloaded."""
    if len(missing) == 1:
        (place,) = missing
        return f"no checkpoint at {place}, and --offline was given; {_by_hand(releases[place.name], place)}"
    places = " and ".join(map(str, missing))
    addresses = " and ".join(releases[place.name].url for place in missing)
    return f"no checkpoints at {places}, and --offline was given; get them from {addresses}"


def _official(unknown: str, releases: Mapping[str, Release]) -> str:
    """What to say of the names that are downloaded to somebody who wrote another."""
    close = difflib.get_close_matches(Path(unknown).name, releases, n=1)
    if close:
        return f"did you mean {close[0]}? That is downloaded when it is missing"
    return "model/README.md has the names that are downloaded when missing, such as yolov8x.pt"


def demo_checkpoints(paths: Sequence[str | Path]) -> list[Path]:
    """Those of the files that are the demo in model/, whatever they are called."""
    return [path for path in map(Path, paths) if _is_demo(path)]


def _is_demo(path: Path) -> bool:
    digest = DEMO.get(path.stat().st_size)
    return digest is not None and sha256_of(path) == digest


def sha256_of(path: Path) -> str:
    """A file's SHA-256 in hexadecimal; checkpoints do not fit into memory twice."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def file_hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """Each file's SHA-256 in hexadecimal, a folder's of what is in it."""
    return {what: _sha256(path) for what, path in files.items()}


def _sha256(path: Path) -> str:
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for inside in sorted(path.iterdir()):
        content = sha256_of(inside) if inside.is_file() else ""
        digest.update(f"{inside.name}\0{content}\0".encode(errors="replace"))
    return digest.hexdigest()


def _by_hand(release: Release, path: Path) -> str:
    return f"get it from {release.url} and put it at {path}"


def _download(release: Release, path: Path) -> None:
    """Fetch `release` beside `path`, check it, and only then give it its name."""
    from torch.hub import download_url_to_file

    logger.info("downloading %s to %s", release.url, path)
    try:
        with _folder_for(path), whole_file(path) as partial, _socket_timeout(_SERVER_TIMEOUT):
            download_url_to_file(release.url, str(partial.absolute()), hash_prefix=release.sha256 or None)
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
