"""What the versions of PyAV that we run with do differently, 17 to 19."""

from __future__ import annotations

import ctypes
import math
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.stream import Stream
from av.video.frame import VideoFrame

_VERSION = tuple(int(part) for part in re.findall(r"\d+", av.__version__)[:3])

# Titles in old encodings are common, and not needed; from 19 on they do no harm by themselves.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if _VERSION < (19,) else {}

# A layout that names each channel is freed by PyAV, and again by FFmpeg, which ends the process.
_FREES_LAYOUTS_TWICE = _VERSION < (19, 0, 2)


def open_input(url: str, options: dict[str, str], max_pixels: int, **arguments: Any) -> InputContainer:
    """Open what can be read, whatever encoding its titles have.

    Args:
        url: A file, an address or a device.
        options: FFmpeg's options.
        max_pixels: Width times height of the largest frame that is decoded to learn what the streams are.
        arguments: Others of `av.open`.

    Raises:
        FFmpegError: FFmpeg cannot open it.
    """
    limit = {"max_pixels": str(max_pixels)}
    return av.open(url, "r", options={**options, **limit}, **_LENIENT, **arguments)


def close_input(container: InputContainer) -> None:
    """Close a container when the threads of its decoders are at rest.

    PyAV frees a decoder with Python's lock in hand and waits for its threads, which want that lock where
    FFmpeg's log goes to Python (torchvision before 0.26 sends it there). Emptied first, they have no more
    to say.
    """
    for stream in container.streams:
        if isinstance(stream.codec_context, CodecContext):
            stream.codec_context.flush_buffers()
    container.close()


def packets_of(container: InputContainer, stream: Stream | None = None) -> Iterator[Packet]:
    """The packets from where a container stands, of one stream or of all.

    Raises:
        FFmpegError: They cannot be read any further.
    """
    try:
        yield from container.demux() if stream is None else container.demux(stream)
    except IndexError:  # after the last packet, of streams that were not there at the beginning
        return


def channels_of(context: Any) -> int:
    """How many channels the sound of a codec context has."""
    layout = context.layout
    _keep(layout)
    return int(layout.nb_channels)


def decoded_sound(stream: Any, packet: Packet | None) -> list[AudioFrame]:
    """The frames that a packet of a stream of sound gives; those that are left for None.

    Raises:
        FFmpegError: It cannot be decoded.
    """
    frames: list[AudioFrame] = stream.decode(packet)
    for frame in frames:
        if _names_channels(frame.layout.name):
            _keep(frame.layout)
    return frames


def _names_channels(layout: str) -> bool:
    return " channels (" in layout or layout.startswith("ambisonic")


def _keep(layout: Any) -> None:
    """Have a layout never be freed by PyAV where that ends the process: some hundred bytes are lost."""
    if _FREES_LAYOUTS_TWICE:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(layout))


def size_of(container: InputContainer) -> int | None:
    """Bytes of what is read, None if the server or the system does not say."""
    size: int | None = container.size  # until 18 an unknown one is a negative error code
    return size if size is not None and size > 0 else None


def fraction(value: Any) -> Fraction:
    """A rate, an aspect or a time base; 0 where it is unset, which is None until 18 and 0/1 from 19 on."""
    if value is None or not value.denominator:
        return Fraction(0)
    return Fraction(value.numerator, value.denominator)


def display_matrix(frame: VideoFrame) -> tuple[float, float, float, float] | None:
    """The numbers `a, b, c, d` of the matrix that turns a picture upright; None if there is none.

    Until 18 a kind of side data that PyAV has no name for hides all others: there the rotation is what is
    left of the matrix, and a mirrored picture stays mirrored.
    """
    try:
        beside: Any = frame.side_data
        found = beside.get(Type.DISPLAYMATRIX)
    except ValueError:
        turn = math.radians(frame.rotation)
        return math.cos(turn), -math.sin(turn), math.sin(turn), math.cos(turn)
    if found is None:
        return None
    a, b, _, c, d = struct.unpack("=5i", bytes(found)[:20])
    return a, b, c, d
