"""Where a stretch of a video begins, found by reading packets without decoding them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from sav.media.pyav import fraction, packets_of
from sav.media.selection import Moment, reached

# Codecs whose packets give one picture each, so that counting packets is counting frames.
_CODECS = {"h264", "hevc", "av1", "libdav1d", "vp9", "mjpeg", "prores", "ffv1"}
_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}

# More than any codec holds pictures back to bring them into order.
_MAX_REORDERING = 32


@dataclass(frozen=True)
class Landmark:
    """A frame's place in a stream.

    Attributes:
        number: Its number, from 0.
        pts: Its time stamp, in ticks of the stream's time base.
        first_pts: That of the stream's first frame.
    """

    number: int
    pts: int
    first_pts: int


def is_possible(container: InputContainer, stream: VideoStream) -> bool:
    """Whether packets alone may tell which frame comes where."""
    return stream.codec_context.name in _CODECS and container.format.name in _FORMATS


def find(container: InputContainer, stream: VideoStream, start: Moment) -> Landmark | None:
    """The frame before the first one at or after `start`; None where only decoding can tell.

    The frame before, so that a filter that looks at a frame's neighbours has seen it. Memory does not
    grow with the length of the video. The container is left somewhere in its middle.
    """
    if not is_possible(container, stream):
        return None
    time_base = fraction(stream.time_base)
    first_pts: int | None = None
    before: Landmark | None = None
    try:
        for number, pts in enumerate(_shown_order(container, stream)):
            first_pts = pts if first_pts is None else first_pts
            if reached(start, number, (pts - first_pts) * time_base):
                return before
            if before is not None and pts <= before.pts:
                return None
            before = Landmark(number, pts, first_pts)
    except (av.FFmpegError, _UnclearError):
        return None
    return None


class _UnclearError(Exception):
    """The packets do not tell which frames they give."""


def _shown_order(container: InputContainer, stream: VideoStream) -> Iterator[int]:
    """The time stamps of the frames that the stream's packets will give, sorted."""
    waiting: list[int] = []
    key_pts: int | None = None
    for packet in packets_of(container, stream):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None or packet.is_corrupt:
            raise _UnclearError
        if key_pts is None:
            key_pts = packet.pts
            if not packet.is_keyframe:
                raise _UnclearError
        if packet.pts < key_pts:  # shown before the key frame that it follows: not decodable
            raise _UnclearError
        heapq.heappush(waiting, packet.pts)
        if len(waiting) > _MAX_REORDERING:
            yield heapq.heappop(waiting)
    while waiting:
        yield heapq.heappop(waiting)
