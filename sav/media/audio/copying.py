"""Tracks of sound that MP4 can hold as they are: packet for packet."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from sav.media.audio import ac3
from sav.media.audio.rehearsal import Rehearsal
from sav.media.pyav import decoded_sound, fraction
from sav.media.sound_clock import begin_of

# What MP4 can hold and players play. MP2 is left out: in MP4 it passes for MP3, which it is not.
COPIED = {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus", "flac"}


class CopiedTrack:
    """Packets as they are, shifted in time, but for those that cannot be decoded or are cut out by edits.

    Where the source's clock is coarser than a sample (Matroska counts milliseconds), the time stamps are
    counted on in samples as long as they agree with the source's, so that the copy has no jitter.
    """

    def __init__(self, stream: AudioStream, output: OutputContainer, origin: Fraction) -> None:
        """Add a track for `stream` to `output`, in which the time `origin` in the source is 0.

        Raises:
            FFmpegError: MP4 cannot hold it.
            ValueError: Likewise.
        """

        def add_track(container: OutputContainer) -> AudioStream:
            track = container.add_stream_from_template(stream)
            track.metadata.update({k: v for k, v in stream.metadata.items() if k == "language"})
            return track

        self._stream = stream
        self._rehearsal = Rehearsal(add_track)
        self._out = add_track(output)
        self._origin = origin
        self._clock = Fraction(1, stream.codec_context.sample_rate)
        self._frame_size = stream.codec_context.frame_size
        self._last: int | None = None
        self._next: int | None = None
        self._is_heard = False
        self._is_ac3 = stream.codec_context.name in ("ac3", "eac3")

    def take(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one of the source's.

        Raises:
            FFmpegError: It cannot be decoded, or MP4 does not take it.
            ValueError: It is not whole.
        """
        # Packets before the first that is heard are for the decoder to begin with.
        if packet.is_discard and self._is_heard:
            return
        self._is_heard |= not packet.is_discard
        decoded_sound(self._stream, packet)
        if self._is_ac3 and not ac3.is_whole(bytes(packet)):
            raise ValueError("a frame of AC-3 is damaged")
        yield from self._timed(packet)

    def flush(self) -> Iterator[Packet]:
        """The packets that are still to be written at the end: none."""
        return iter(())

    def _timed(self, packet: Packet) -> Iterator[Packet]:
        """A good packet as part of the output."""
        tick = fraction(packet.time_base)
        own = (begin_of(packet) - self._origin) / self._clock
        samples = round(own)
        if self._next is not None and self._frame_size and abs(own - self._next) <= tick / self._clock:
            samples = self._next
        duration = round((packet.duration or 0) * tick / self._clock)
        if self._frame_size and abs(duration - self._frame_size) <= tick / self._clock:
            duration = self._frame_size
        if self._last is not None and samples <= self._last:  # it would be heard twice
            return

        packet.stream = self._out
        packet.time_base = self._clock
        packet.pts = packet.dts = samples
        packet.duration = duration
        self._rehearsal.check(packet)
        self._last, self._next = samples, samples + duration
        yield packet
