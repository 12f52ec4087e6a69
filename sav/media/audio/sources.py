"""Where sound comes from: the source read a second time, or what the reader of a live one sets aside."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from sav.errors import VideoError
from sav.media import seeking
from sav.media.opening import picture_stream
from sav.media.pyav import channels_of, close_input, packets_of
from sav.media.sound_clock import SoundClock, begin_of, duration_of
from sav.media.video import AudioSource, Input

_log = logging.getLogger(__name__)

# Sound before a cut that is read and left out, so that the packet over the cut is not missed.
_RUN_UP = 1_000_000  # microseconds


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """The streams of sound in an open container that this FFmpeg can make something of."""
    contexts = [(stream, stream.codec_context) for stream in container.streams.audio]
    return [
        stream for stream, context in contexts if context and context.sample_rate and channels_of(context)
    ]


class SoundPackets:
    """The packets of sound of a source that belong beside its pictures, in the order in which they lie there.

    A file is read a second time, so no sound is kept in memory while the pictures are worked on.

    Attributes:
        streams: Those that they are of.
    """

    def __init__(self, audio: AudioSource, begin: Fraction) -> None:
        """Open the source, if it is not live, and go to where the pictures begin.

        Args:
            audio: Where the sound is found.
            begin: When the pictures begin, in seconds of the source's clock.

        Raises:
            VideoError: It cannot be opened again.
        """
        self._begin = begin if audio.starts_late or audio.live else None
        self._source = audio.live or _SecondReading(audio, self._begin)
        self._pending: Packet | None = None
        self.streams = sound_streams(self._source.container)

    def before(self, time: Fraction | None, at_most: int | None = None) -> Iterator[Packet]:
        """The next packets that begin before `time` in the source, in seconds; None for all there are.

        Args:
            time: Where to stop.
            at_most: How many to look at, for a caller who has little time and comes back for more.
        """
        for _ in itertools.count() if at_most is None else range(at_most):
            packet = self._pending or self._source.take()
            if packet is None:
                return
            if time is not None and begin_of(packet) >= time:
                self._pending = packet
                return
            self._pending = None
            if self._begin is None or begin_of(packet) + duration_of(packet) > self._begin:
                yield packet

    def close(self) -> None:
        """Close the source, if it was opened here."""
        self._source.close()


class _SecondReading:
    """A file or an address, opened once more for its sound."""

    def __init__(self, audio: AudioSource, begin: Fraction | None) -> None:
        self.container = audio.source.open()
        self._packets = self._read(audio.source, begin)

    def take(self) -> Packet | None:
        """The next packet of sound, None at the end."""
        return next(self._packets, None)

    def close(self) -> None:
        """Close it."""
        close_input(self.container)

    def _read(self, source: Input, begin: Fraction | None) -> Iterator[Packet]:
        name = source.name
        try:
            pictures = picture_stream(self.container, source)
            if begin is not None and seeking.is_possible(self.container, pictures):
                self.container.seek(max(0, int(begin * 1_000_000) - _RUN_UP))
            clock = SoundClock(name, pictures.index)
            for packet in packets_of(self.container):
                yield from clock.see(packet)
            yield from clock.rest()
        except (av.FFmpegError, OSError, VideoError) as error:
            reason = getattr(error, "strerror", None) or error
            _log.warning("the sound of %s cannot be read to its end: %s", name, reason)
