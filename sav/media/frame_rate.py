"""How many frames a second a video has, also where its header says nothing or nonsense."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice, pairwise

import av
from av.video.stream import VideoStream

from sav.errors import VideoError
from sav.media.clock import SLIP
from sav.media.opening import picture_stream
from sav.media.pyav import fraction, packets_of
from sav.media.video import Input

_USUAL = Fraction(25)

# Above it a rate is believed only if the frames come that fast: clocks of milliseconds pass for 1000.
_HIGHEST_USUAL = Fraction(120)

# Containers with a table of all frames, from which the average is reckoned.
_TABLED_FORMATS = {"mov,mp4,m4a,3gp,3g2,mj2", "avi"}

# Packets over which frames are counted: enough to be near the average, and the fewest that tell anything.
_MOST_COUNTED, _LEAST_COUNTED = 1000, 8

# By how much, of itself, a rate in a header may differ from what is counted over a part of the video.
_TOLERANCE = Fraction(1, 10)


def frame_rate(stream: VideoStream, source: Input) -> Fraction:
    """Frames per second of a stream of `source`: what its header says, if the frames come as it says.

    Where they come otherwise, as in recordings of browsers, it is their number over their time; where nobody
    can tell, 25.
    """
    stated = [rate for rate in (fraction(stream.average_rate), fraction(stream.guessed_rate)) if rate > 0]
    is_usual = bool(stream.average_rate) and stated[0] <= _HIGHEST_USUAL
    if source.is_live or (is_usual and (source.timeouts or stream.container.format.name in _TABLED_FORMATS)):
        return next((rate for rate in stated if rate <= _HIGHEST_USUAL or stream.average_rate), _USUAL)
    counted = _counted(source)
    if counted is None:
        return stated[0] if is_usual else _USUAL
    return next((rate for rate in stated if abs(rate - counted) <= _TOLERANCE * rate), counted)


def _counted(source: Input) -> Fraction | None:
    """The number of frames over their time, in the first of them; None if that tells nothing."""
    times: list[Fraction] = []
    try:
        with source.open() as container:
            stream = picture_stream(container, source)
            tick = fraction(stream.time_base)
            for packet in islice(packets_of(container, stream), _MOST_COUNTED):
                ticks = packet.pts if packet.dts is None else packet.dts
                if ticks is not None and packet.size:
                    times.append(ticks * tick)
    except (av.FFmpegError, OSError, VideoError):
        pass  # whoever reads the frames will say so
    steps = [after - before for before, after in pairwise(times) if 0 <= after - before < SLIP]
    if len(steps) < _LEAST_COUNTED or not sum(steps):
        return None
    return len(steps) / sum(steps, Fraction(0))
