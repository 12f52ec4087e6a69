"""Tracks of sound that MP4 cannot hold as they are: decoded, and encoded again as AAC."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from sav.media.audio.conversion import LAYOUTS, RATES, Conversion
from sav.media.audio.rehearsal import Rehearsal
from sav.media.pyav import channels_of, decoded_sound


class EncodedTrack:
    """Decoded and encoded again as AAC, in the rate and layout that come next to the source's first."""

    def __init__(self, stream: AudioStream, output: OutputContainer, origin: Fraction) -> None:
        """Add a track for `stream` to `output`, in which the time `origin` in the source is 0.

        Raises:
            FFmpegError: This FFmpeg cannot encode it.
            ValueError: Likewise.
        """
        context = stream.codec_context
        rate = min(RATES, key=lambda rate: abs(rate - context.sample_rate))
        layout = LAYOUTS.get(channels_of(context), "stereo")

        def add_track(container: OutputContainer) -> AudioStream:
            track = container.add_stream("aac", rate=rate, layout=layout)
            track.metadata.update({k: v for k, v in stream.metadata.items() if k == "language"})
            return track

        Rehearsal(add_track)
        self._stream = stream
        self._conversion = Conversion(rate, layout, origin, add_track(output).encode)

    def take(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one of the source's.

        Raises:
            FFmpegError: It cannot be decoded.
        """
        for frame in decoded_sound(self._stream, packet):
            yield from self._conversion.take(frame)

    def flush(self) -> Iterator[Packet]:
        """The packets that are still to be written at the end."""
        for frame in decoded_sound(self._stream, None):
            yield from self._conversion.take(frame)
        yield from self._conversion.flush()
