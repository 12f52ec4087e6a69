"""Decoded sound of any kind, even one that changes midway, to AAC of one kind, in step with its times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.packet import Packet
from numpy.typing import NDArray

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1", 8: "7.1"}
_FRAME = 1024  # samples of a packet of AAC

# Seconds of silence that are filled in; a longer one is left to the time stamps.
_LONGEST_SILENCE = 10

# Seconds by which time stamps may stray from the count of samples, as those of live recordings do.
_STRAYING = 0.1

# Loudest sample that is encoded; the full scale is 1.
_LOUDEST = 16.0

Samples = NDArray[np.float32]
Encode = Callable[[AudioFrame | None], list[Packet]]


class Conversion:
    """Turns decoded sound into packets of AAC with one rate and layout, in step with its time stamps."""

    def __init__(self, rate: int, layout: str, origin: Fraction, encode: Encode) -> None:
        """Begin.

        Args:
            rate: Samples per second.
            layout: FFmpeg's name of the channels.
            origin: The time in the source, in seconds, that is 0 in the copy.
            encode: Takes frames of interleaved float32 with this rate and layout, None for the end.
        """
        self._rate, self._layout, self._encode = rate, layout, encode
        self._shift, self._straying = round(origin * rate), _STRAYING * rate
        self._resampler: _Resampler | None = None
        self._waiting: Samples = np.empty((av.AudioLayout(layout).nb_channels, 0), np.float32)
        self._end: int | None = None  # where, in samples, that ends which has come by now

    def take(self, frame: AudioFrame) -> Iterator[Packet]:
        """The packets that come of one more frame."""
        if self._resampler is not None and not self._resampler.fits(frame):
            yield from self._placed(self._resampler.push(None))
            self._resampler = None
        self._resampler = self._resampler or _Resampler(frame, self._rate, self._layout)
        yield from self._placed(self._resampler.push(frame))

    def flush(self) -> Iterator[Packet]:
        """The last packets."""
        if self._resampler is None:
            return
        yield from self._placed(self._resampler.push(None))
        if self._waiting.shape[1]:
            yield from self._encoded(self._waiting.shape[1])
        yield from self._encode(None)

    def _placed(self, frames: Iterator[AudioFrame]) -> Iterator[Packet]:
        """Put resampled sound where its time stamps say."""
        for frame in frames:
            # (1, samples * channels) -> (channels, samples)
            interleaved = frame.to_ndarray().reshape(-1, len(self._waiting))
            samples = np.nan_to_num(interleaved.T, posinf=_LOUDEST, neginf=-_LOUDEST)
            begin = None if frame.pts is None else frame.pts - self._shift
            yield from self._put(np.clip(samples, -_LOUDEST, _LOUDEST), begin)

    def _put(self, samples: Samples, begin: int | None) -> Iterator[Packet]:
        if self._end is None:
            self._end = max(0, begin or 0)
        stray = 0 if begin is None else begin - self._end
        if stray > _LONGEST_SILENCE * self._rate:
            yield from self._filled_up()
            self._end += stray
        elif stray > self._straying:
            yield from self._append(np.zeros((len(samples), stray), np.float32))
        elif stray < -self._straying or (begin or 0) < 0:
            samples = samples[:, -stray:]
        yield from self._append(samples)

    def _append(self, samples: Samples) -> Iterator[Packet]:
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        self._end = (self._end or 0) + samples.shape[1]
        while self._waiting.shape[1] >= _FRAME:
            yield from self._encoded(_FRAME)

    def _filled_up(self) -> Iterator[Packet]:
        """Encode what waits, with as much silence as makes it a whole packet."""
        missing = -self._waiting.shape[1] % _FRAME
        yield from self._append(np.zeros((len(self._waiting), missing), np.float32))
        self._end = (self._end or 0) - missing

    def _encoded(self, count: int) -> Iterator[Packet]:
        """Encode the first `count` samples of those that wait."""
        first, self._waiting = self._waiting[:, :count], self._waiting[:, count:]
        frame = AudioFrame.from_ndarray(first.T.reshape(1, -1), "flt", self._layout)
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = (self._end or 0) - count - self._waiting.shape[1]
        yield from self._encode(frame)


class _Resampler:
    """FFmpeg's filters from the format of one frame to another rate and layout.

    What comes is interleaved: where each channel has a plane of its own, PyAV reads on past the eighth.
    """

    def __init__(self, frame: AudioFrame, rate: int, layout: str) -> None:
        self._kind = _kind(frame)
        steps = [
            ("aresample", str(rate)),
            ("aformat", f"sample_fmts=flt:sample_rates={rate}:channel_layouts={layout}"),
        ]
        name, count = frame.layout.name, frame.layout.nb_channels
        try:
            # FFmpeg calls channels that nobody named "6 channels".
            known = LAYOUTS[count] if name.endswith("channels") else name
            self._graph = _graph(frame, known, steps)
        except (av.FFmpegError, ValueError, LookupError):
            # Nothing says where they belong: the first two are left and right.
            first_two = ("pan", f"stereo|c0=c0|c1=c{min(1, count - 1)}")
            self._graph = _graph(frame, name, [first_two, *steps])

    def fits(self, frame: AudioFrame) -> bool:
        """Whether `frame` is of the kind that this resampler takes."""
        return _kind(frame) == self._kind

    def push(self, frame: AudioFrame | None) -> Iterator[AudioFrame]:
        """Resample one more frame; None for what is left at the end."""
        self._graph.push(frame)
        return self._pulled()

    def _pulled(self) -> Iterator[AudioFrame]:
        while True:
            try:
                frame: Any = self._graph.pull()
            except (BlockingIOError, EOFError):
                return
            yield frame


def _kind(frame: AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _graph(frame: AudioFrame, layout: str, steps: list[tuple[str, str]]) -> Graph:
    """Filters for frames like this one, whose channels are called `layout`."""
    graph = Graph()
    source = graph.add_abuffer(
        sample_rate=frame.sample_rate, format=frame.format.name, layout=layout, time_base=frame.time_base
    )
    filters = [graph.add(name, arguments) for name, arguments in steps]
    graph.link_nodes(source, *filters, graph.add("abuffersink")).configure()
    return graph
