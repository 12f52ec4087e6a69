"""What a source is, a file, an address or a camera, and which of its streams holds the pictures."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from sav.config import MAX_PICTURE_MEGAPIXELS
from sav.media.video import Input, VideoError

_LIVE_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "srt")


@dataclass(frozen=True)
class ReaderConfig:
    """How videos are read.

    Attributes:
        picture_rate: Frames per second of a folder of pictures.
        open_timeout: Seconds until an address that does not answer is given up.
        read_timeout: Seconds without a packet after which a camera counts as gone.
        max_megapixels: Width times height, in millions, above which a picture of a folder is left out.
    """

    picture_rate: int = 25
    open_timeout: float = 15.0
    read_timeout: float = 15.0
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS


def describe(source: str | Path, config: ReaderConfig) -> Input:
    """Find out what a source is: an existing file, an address, or the number of a camera.

    Raises:
        FileNotFoundError: There is no such file or camera.
        VideoError: The file is empty, or no source is named.
    """
    text = str(source)
    if not text:
        raise VideoError("no video is given: give a file, a folder, an address or a camera's number")
    if isinstance(source, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _address(text, config)
    path = Path(source)
    if match := re.fullmatch(r"/dev/video(\d+)", text):
        return _camera(int(match[1]), config)
    if not path.exists():
        if text.isdecimal():
            return _camera(int(text), config)
        raise FileNotFoundError(f"there is no video {path}: check the path")
    is_pipe = not path.is_file()
    if not is_pipe and path.stat().st_size == 0:
        raise VideoError(f"{path} is empty (0 bytes): copy or record it again")
    return Input(f"file:{path}", str(path), is_live=is_pipe)


def _address(url: str, config: ReaderConfig) -> Input:
    scheme = url.split(":", 1)[0].lower()
    shown = re.sub(r"//[^/@]*@", "//", url)  # without user and password
    return Input(
        url,
        shown,
        options={"rtsp_transport": "tcp"} if scheme.startswith("rtsp") else {},
        timeouts=(config.open_timeout, config.read_timeout),
        is_live=scheme in _LIVE_SCHEMES,
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
    return Input(url, f"camera {number}", device, options, timeouts, is_live=True)


def _windows_camera(number: int) -> str:
    from av.device import enumerate_input_devices

    names = [device.name for device in enumerate_input_devices("dshow") if "video" in device.media_types]
    if number >= len(names):
        raise FileNotFoundError(f"there is no camera {number}: {len(names)} found; connect one")
    return f"video={names[number]}"


def picture_stream(container: InputContainer, name: str) -> VideoStream:
    """The best stream of moving pictures in an open container; cover art does not count.

    Raises:
        VideoError: There is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kind = "only sound" if container.streams.audio else "no pictures"
        raise VideoError(f"{name} has {kind}: give a file with a video stream")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise VideoError(f"{name} is coded in a way that this FFmpeg cannot decode: convert it to H.264")
    stream.thread_type = "AUTO"
    return stream
