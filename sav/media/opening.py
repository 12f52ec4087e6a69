"""What a source is, a file, an address or a camera, and which of its streams holds the pictures."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sav.config import MAX_FRAME_MEGAPIXELS
from sav.errors import VideoError
from sav.media.addresses import LIVE_SCHEMES, NETWORK_SCHEMES, local_path, scheme_of, shown
from sav.media.video import PIPED, Input


@dataclass(frozen=True)
class ReaderConfig:
    """How videos are read.

    Attributes:
        picture_rate: Frames per second of a folder of pictures.
        open_timeout: Seconds until an address that does not answer is given up.
        read_timeout: Seconds without a packet after which a camera counts as gone.
        max_megapixels: Width times height, in millions, above which a video is refused, and a picture of a
            folder left out; by default `MAX_FRAME_MEGAPIXELS` or `MAX_PICTURE_MEGAPIXELS`.
    """

    picture_rate: int = 25
    open_timeout: float = 15.0
    read_timeout: float = 15.0
    max_megapixels: float | None = None

    @property
    def max_pixels(self) -> int:
        """Width times height of the largest frame that is read."""
        megapixels = MAX_FRAME_MEGAPIXELS if self.max_megapixels is None else self.max_megapixels
        return int(megapixels * 1_000_000)


def describe(source: str | Path, config: ReaderConfig) -> Input:
    """Find out what a source is: an existing file, an address, or the number of a camera.

    Raises:
        FileNotFoundError: There is no such file or camera.
        VideoError: The file is empty, or no source is named, or its address is of no kind that is read.
    """
    text = str(source)
    if not text:
        raise VideoError("no video is given: give a file, a folder, an address or a camera's number")
    path = local_path(source)
    if text == "-" and not Path(text).exists():
        raise VideoError(f"- is no video: give /dev/stdin for one that is piped; {PIPED}")
    if path is None:
        return _address(text, config)
    if match := re.fullmatch(r"/dev/video(\d+)", text):
        return _camera(int(match[1]), config)
    if not path.exists():
        if text.isdecimal():
            return _camera(int(text), config)
        raise FileNotFoundError(f"there is no video {path}: check the path")
    is_pipe = not path.is_file()
    if not is_pipe and path.stat().st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes): copy or record it again")
    return Input(f"file:{path}", str(path), max_pixels=config.max_pixels, is_live=is_pipe)


def _address(url: str, config: ReaderConfig) -> Input:
    scheme = scheme_of(url)
    if scheme not in NETWORK_SCHEMES:
        raise VideoError(
            f"{scheme}:// is no kind of address that is read: give a file, or an RTSP or HTTP address"
        )
    if not url[len(scheme) :].startswith("://"):
        right = shown(f"{scheme}://{url[len(scheme) + 2 :]}")
        raise VideoError(f"an address has two slashes after {scheme}: give {right}")
    return Input(
        url,
        shown(url),
        options={"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {},
        timeouts=(config.open_timeout, config.read_timeout),
        max_pixels=config.max_pixels,
        is_live=scheme in LIVE_SCHEMES,
    )


def _camera(number: int, config: ReaderConfig) -> Input:
    device, url = {
        "darwin": ("avfoundation", f"{number}:none"),
        "win32": ("dshow", _windows_camera(number) if sys.platform == "win32" else ""),
    }.get(sys.platform, ("v4l2", f"/dev/video{number}"))
    if device == "v4l2" and not Path(url).exists():
        raise FileNotFoundError(f"there is no camera {number} ({url} does not exist): connect one")
    options = {"framerate": "30"} if device == "avfoundation" else {}
    timeouts = (config.open_timeout, config.read_timeout)
    return Input(url, f"camera {number}", device, options, timeouts, config.max_pixels, is_live=True)


def _windows_camera(number: int) -> str:
    from av.device import enumerate_input_devices

    names = [device.name for device in enumerate_input_devices("dshow") if "video" in device.media_types]
    if number >= len(names):
        raise FileNotFoundError(f"there is no camera {number}: {len(names)} found; connect one")
    return f"video={names[number]}"


def picture_stream(container: InputContainer, source: Input) -> VideoStream:
    """The best stream of moving pictures in an open container; cover art does not count.

    Raises:
        VideoError: There is none, or no decoder for it, or its frames are too large.
    """
    name = source.name
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kind = "only sound" if container.streams.audio else "no pictures"
        raise VideoError(f"{name} has {kind}: give a file with a video stream")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise VideoError(f"{name} is coded in a way that this FFmpeg cannot decode: convert it to H.264")
    check_size(*_size_of(stream, source), source)
    stream.codec_context.options["max_pixels"] = str(source.max_decoded)
    stream.thread_type = "AUTO"
    return stream


def check_size(width: int, height: int, source: Input) -> None:
    """Pass if frames are not too large.

    Raises:
        VideoError: They are.
    """
    if width * height > source.max_pixels:
        raise VideoError(
            f"{source.name} has frames of {width}x{height}, {width * height / 1e6:.0f} megapixels; the limit"
            f" is {source.max_pixels / 1e6:g}; if there is memory for them, raise --max_megapixels"
        )


def _size_of(stream: Any, source: Input) -> tuple[int, int]:
    """Width and height of a stream's frames, 0 if nobody knows."""
    context = stream.codec_context
    if context.width or source.is_live:
        return context.width, context.height
    # A decoder that found it beyond the limit has forgotten it; without one it is what the header says.
    with source.open(decodes=False) as container:
        stated: Any = container.streams[stream.index].codec_context
        return (stated.width, stated.height) if stated else (0, 0)
