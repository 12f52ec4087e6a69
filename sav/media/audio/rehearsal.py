"""Tries out what MP4 takes, before anything goes into the file that also holds the pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

AddTrack = Callable[[OutputContainer], AudioStream]


class Rehearsal:
    """An MP4 of one track that is written to nowhere.

    What FFmpeg refuses of a track in the midst of a file, or only at its very end, costs the whole file; here
    it costs nothing.
    """

    def __init__(self, add_track: AddTrack) -> None:
        """Begin a file with the track that `add_track` adds.

        Raises:
            FFmpegError: MP4 cannot hold such a track.
            ValueError: Likewise.
        """
        self._add_track = add_track
        self._output, self._track = self._begun()
        self._can_end = False

    def check(self, packet: Packet) -> None:
        """Pass if a packet can be the next one in the file.

        Raises:
            FFmpegError: It cannot.
        """
        stream: Any = packet.stream
        try:
            if not self._can_end:
                self._check_end(packet)
            packet.stream = self._track
            self._output.mux(packet)
        finally:
            packet.stream = stream

    def _check_end(self, packet: Packet) -> None:
        """Pass if a file with this packet can be ended: the index, which tells of each track, comes last."""
        output, packet.stream = self._begun()
        output.mux(packet)
        output.close()
        self._can_end = True

    def _begun(self) -> tuple[OutputContainer, AudioStream]:
        output = av.open(os.devnull, "w", format="mp4")
        track = self._add_track(output)
        output.start_encoding()
        return output, track
