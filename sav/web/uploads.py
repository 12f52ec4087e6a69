"""What a visitor hands in: a picture or a video by its content, whatever its name, and not too much of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from sav.errors import PictureError, VideoError
from sav.media.opening import ReaderConfig
from sav.media.pictures.kinds import HEAD, advice, kind_of
from sav.media.reader import open_video
from sav.web.config import WebConfig

PICTURE, VIDEO = "picture", "video"
# Transport streams begin each packet with this byte, perhaps after a time stamp.
_SYNC, _PACKETS = 0x47, ((0, 188), (4, 192))
# Containers by their first bytes. Play lists, which name other files and addresses, are none of them.
_CONTAINERS = (b"\x1a\x45\xdf\xa3", b"OggS", b"FLV\x01", b"\x30\x26\xb2\x75", b"\0\0\1\xba", b"\0\0\1\xb3")
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
# More frames than this a second are no film but a way to keep others waiting.
_MOST_FRAMES_A_SECOND = 120


def kind_of_upload(path: Path) -> str:
    """`PICTURE` or `VIDEO`, by the file's content alone.

    Raises:
        PictureError: It is neither.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if kind_of(head[:HEAD]):
        return PICTURE
    if _is_container(head):
        return VIDEO
    reason = "it is empty" if not head else "its content is neither a picture nor a video that is read here"
    raise PictureError(f"{path.name}: {reason}; {advice()}, or to MP4")


def _is_container(head: bytes) -> bool:
    if head.startswith(_CONTAINERS) or head[4:8] in _BOXES:
        return True
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return True
    return any(
        len(head) > first + step and head[first] == head[first + step] == _SYNC for first, step in _PACKETS
    )


def check_video(path: Path, config: WebConfig) -> None:
    """Check that a video can be read and is not too long, as far as its header tells.

    Raises:
        SavError: It cannot be read, has too large frames, or is too long.
    """
    with closing(open_video(path, config=ReaderConfig(max_megapixels=config.max_megapixels))) as reader:
        if reader.frame_count is None:
            return
        seconds = float(reader.frame_count / reader.frame_rate)
        if seconds > config.max_seconds + 0.5:
            raise VideoError(
                f"{path.name} has {seconds:.0f} seconds; the limit is {config.max_seconds:g}: cut it"
            )


def most_frames(config: WebConfig) -> int:
    """Frames after which a video is ended, whatever its header says."""
    return round(config.max_seconds * _MOST_FRAMES_A_SECOND)
