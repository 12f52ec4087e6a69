"""Interlaced pictures to whole ones, by FFmpeg's bwdif filter."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.filter import Graph


def progressive(pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The pictures, from the first interlaced one on deinterlaced (bwdif), one for one."""
    deinterlacer: _Deinterlacer | None = None
    for picture in pictures:
        if deinterlacer is None and picture.interlaced_frame:
            deinterlacer = _Deinterlacer(picture)
        if deinterlacer is None:
            yield picture
        else:
            yield from deinterlacer.push(picture)
    if deinterlacer is not None:
        yield from deinterlacer.push(None)


class _Deinterlacer:
    """FFmpeg's bwdif filter; it gives each picture back one picture later."""

    def __init__(self, picture: av.VideoFrame) -> None:
        self._size = picture.width, picture.height
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=picture.time_base
        )
        sink = self._graph.add("buffersink")
        self._graph.link_nodes(source, self._graph.add("bwdif", "mode=send_frame:deint=interlaced"), sink)
        self._graph.configure()

    def push(self, picture: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Put a picture in, None for the end, and yield those that are ready."""
        if picture is not None and (picture.width, picture.height) != self._size:
            yield from self.push(None)
            yield picture
            return
        self._graph.vpush(picture)
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
