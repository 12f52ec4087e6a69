"""The sound of a video on its way into a copy: packet for packet where MP4 can hold it, else as AAC."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.filter import Graph
from av.packet import Packet

from sav.media.pyav import fraction
from sav.media.video import AudioSource

_log = logging.getLogger(__name__)

# What MP4 can hold and players play. MP2 is left out: in MP4 it passes for MP3, which it is not.
_COPIED = {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus", "flac"}
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_AAC_FRAME = 1024
_AAC_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}

# Sound before a cut that is read and left out, so that the packet over the cut is not missed.
_RUN_UP = 1_000_000  # microseconds

# Seconds by which a packet must come before the end of the last one to count as a jump of the clock.
_JUMP = Fraction(1)


def sound_streams(container: InputContainer) -> list[AudioStream]:
    """The streams of sound in an open container that this FFmpeg can make something of."""
    return [s for s in container.streams.audio if s.codec_context and s.codec_context.sample_rate]


class AudioTracks:
    """Takes the sound of a source into an output container, step by step beside the pictures.

    Reads a file a second time, so no sound is kept in memory while the pictures are worked on; of a live
    source it takes what the reader of the pictures sets aside.
    """

    def __init__(self, audio: AudioSource, output: OutputContainer, origin: Fraction) -> None:
        """Add a track to `output` for each of the source's.

        Args:
            audio: Where the sound is found.
            output: Where it goes; nothing may have been written to it.
            origin: The time in the source, in seconds, that is 0 in the output.
        """
        self._output = output
        self._container = audio.live.container if audio.live else audio.source.open()
        self._is_own = audio.live is None
        streams = sound_streams(self._container)
        self._tracks = {stream.index: _track(stream, output, origin) for stream in streams}
        self._begin = origin if audio.starts_late or audio.live else None
        if self._begin is not None and self._is_own:
            self._seek(self._begin)
        self._packets: Iterable[Packet] = audio.live or self._container.demux(streams)
        self._pending: Packet | None = None
        self._clocks: dict[int, tuple[int, int | None]] = {}  # by stream: shift, end of the last packet

    def advance(self, until: Fraction | None) -> None:
        """Write the sound that begins before `until` in the source, in seconds; None for all there is."""
        while True:
            self._pending = self._pending or self._next()
            if self._pending is None or (until is not None and _begin(self._pending) >= until):
                return
            self._output.mux(list(self._tracks[self._pending.stream_index].take(self._pending)))
            self._pending = None

    def finish(self, until: Fraction | None) -> None:
        """Write the sound up to `until`, as `advance` does, and what the encoders still hold."""
        self.advance(until)
        for track in self._tracks.values():
            self._output.mux(list(track.flush()))

    def close(self) -> None:
        """Close the source, if it was opened here."""
        if self._is_own:
            self._container.close()

    def _seek(self, begin: Fraction) -> None:
        try:
            self._container.seek(max(0, int(begin * 1_000_000) - _RUN_UP))
        except av.FFmpegError:
            _log.debug("the sound cannot be sought in; read from its beginning")

    def _next(self) -> Packet | None:
        """The next packet that is whole and does not end before the beginning; None if there is none now."""
        try:
            for packet in self._packets:
                is_whole = packet.size and packet.pts is not None and not packet.is_corrupt
                is_known = packet.stream_index in self._tracks
                if is_whole and is_known:
                    self._straighten(packet)
                    if self._begin is None or _end(packet) > self._begin:
                        return packet
        except (av.FFmpegError, OSError) as error:
            _log.warning("the sound cannot be read to its end: %s", error)
            self._packets = ()
        return None

    def _straighten(self, packet: Packet) -> None:
        """Shift a packet in time where its stream's clock has jumped back, so that the sound goes on."""
        shift, last_end = self._clocks.get(packet.stream_index, (0, None))
        begin = (packet.pts or 0) + shift
        if last_end is not None and (last_end - begin) * fraction(packet.time_base) > _JUMP:
            shift, begin = shift + last_end - begin, last_end
        packet.pts = packet.dts = begin
        self._clocks[packet.stream_index] = shift, begin + (packet.duration or 0)


def _begin(packet: Packet) -> Fraction:
    return (packet.pts or 0) * fraction(packet.time_base)


def _end(packet: Packet) -> Fraction:
    return ((packet.pts or 0) + (packet.duration or 0)) * fraction(packet.time_base)


class _Track(ABC):
    """One track of sound on its way into the output."""

    @abstractmethod
    def take(self, packet: Packet) -> Iterator[Packet]:
        """The packets to write for one of the source's."""

    def flush(self) -> Iterator[Packet]:
        """The packets that are still to be written at the end."""
        return iter(())


def _track(stream: AudioStream, output: OutputContainer, origin: Fraction) -> _Track:
    is_copied = stream.codec_context.name in _COPIED
    return (_CopiedTrack if is_copied else _EncodedTrack)(stream, output, origin)


class _CopiedTrack(_Track):
    """Packets as they are, shifted in time.

    Where the source's clock is coarser than a sample (Matroska counts milliseconds), the time stamps are
    counted on in samples as long as they agree with the source's, so that the copy has no jitter.
    """

    def __init__(self, stream: AudioStream, output: OutputContainer, origin: Fraction) -> None:
        self._out = output.add_stream_from_template(stream)
        self._out.metadata.update({k: v for k, v in stream.metadata.items() if k == "language"})
        self._origin = origin
        self._clock = Fraction(1, stream.codec_context.sample_rate)
        self._frame_size = stream.codec_context.frame_size
        self._last: int | None = None
        self._next: int | None = None

    def take(self, packet: Packet) -> Iterator[Packet]:
        tick = fraction(packet.time_base)
        own = (_begin(packet) - self._origin) / self._clock
        samples = round(own)
        if self._next is not None and self._frame_size and abs(own - self._next) <= tick / self._clock:
            samples = self._next
        duration = round((packet.duration or 0) * tick / self._clock)
        if self._frame_size and abs(duration - self._frame_size) <= tick / self._clock:
            duration = self._frame_size
        samples = samples if self._last is None else max(samples, self._last + 1)
        self._last, self._next = samples, samples + duration
        packet.stream = self._out
        packet.time_base = self._clock
        packet.pts = packet.dts = samples
        packet.duration = duration
        yield packet


class _EncodedTrack(_Track):
    """Decoded and encoded again as AAC; gaps in the source's time stamps become silence."""

    def __init__(self, stream: AudioStream, output: OutputContainer, origin: Fraction) -> None:
        context = stream.codec_context
        self._rate = min(_AAC_RATES, key=lambda rate: abs(rate - context.sample_rate))
        self._layout = _AAC_LAYOUTS.get(context.channels, "stereo")
        self._out = output.add_stream("aac", rate=self._rate, layout=self._layout)
        self._out.metadata.update({k: v for k, v in stream.metadata.items() if k == "language"})
        self._origin = origin
        self._graph: Graph | None = None

    def take(self, packet: Packet) -> Iterator[Packet]:
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError as error:
            _log.warning("a packet of sound cannot be decoded (%s); left out", error.strerror)
            return
        for frame in frames:
            self._graph = self._graph or self._resampler(frame)
            self._graph.push(frame)
            yield from self._encoded(self._graph)

    def flush(self) -> Iterator[Packet]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._encoded(self._graph)
            yield from self._out.encode(None)

    def _resampler(self, frame: AudioFrame) -> Graph:
        """A filter graph from the frame's format to AAC's, in frames of 1024 samples without gaps."""
        graph = Graph()
        is_unnamed = frame.layout.name.endswith("channels")
        layout = _AAC_LAYOUTS.get(frame.layout.nb_channels, "stereo") if is_unnamed else frame.layout.name
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate, format=frame.format.name, layout=layout, time_base=frame.time_base
        )
        steps = [
            graph.add("aresample", f"{self._rate}:async=1"),
            graph.add(
                "aformat", f"sample_fmts=fltp:sample_rates={self._rate}:channel_layouts={self._layout}"
            ),
            graph.add("asetnsamples", f"n={_AAC_FRAME}:p=0"),
            graph.add("abuffersink"),
        ]
        graph.link_nodes(source, *steps).configure()
        return graph

    def _encoded(self, graph: Graph) -> Iterator[Packet]:
        shift = round(self._origin * self._rate)
        while True:
            try:
                frame: Any = graph.pull()
            except (BlockingIOError, EOFError):
                return
            frame.pts -= shift
            yield from self._out.encode(frame)
