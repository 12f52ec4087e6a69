"""An MP4 in the making: a track of H.264 that is timed like its source, and the source's sound beside it."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

from sav.data.types import Image
from sav.errors import VideoError
from sav.files import is_of_the_disk
from sav.media.audio.tracks import AudioTracks
from sav.media.colors import LIMITED_RANGE, FromBgr
from sav.media.h264 import WriterConfig, encoding, takes_nvenc
from sav.media.packet_times import PacketTimes
from sav.media.video import VideoInfo

_log = logging.getLogger(__name__)

_MIN_TIMESCALE = 10_000

# MP4 has room for 2^31 ticks from packet to packet, and from when a frame is stored to when it is shown.
_LONGEST_STEP = 2_000_000_000

# Frames by which x264 may store one before it is shown, and by which it does at the begin.
_REORDERING = 6
_FIRST_REORDERING = 2

# Threads of x264. Their count decides on bytes, so there are as many on every machine, whatever its cores;
# more would make larger files, and these encode faster than anything draws.
_ENCODER_THREADS = 6

# Ticks a second from which on frames are stored as they are shown, so that steps of half an hour have room.
_FINE_TIMESCALE = 100_000

# H.264's longest side, and FFmpeg's bound for a picture with its edges.
_LONGEST_SIDE = 16384
_EDGE, _MOST_PIXELS = 128, 1 << 28

# PyAV's rates are of 32 bits.
_LARGEST_DENOMINATOR = 100_000


def check_size(info: VideoInfo) -> None:
    """Pass if H.264 can have frames of this size.

    Raises:
        VideoError: It cannot.
    """
    height, width = _even(info.size_hw)
    if max(height, width) > _LONGEST_SIDE or (height + _EDGE) * (width + _EDGE) >= _MOST_PIXELS:
        raise VideoError(
            f"{info.name or 'the video'} has frames of {info.size_hw[1]}x{info.size_hw[0]}; H.264, in which"
            f" videos are written, has sides of up to {_LONGEST_SIDE} and some 260 megapixels: scale it down"
            " first"
        )


def begin(path: Path, info: VideoInfo, config: WriterConfig) -> Mp4:
    """Begin an MP4 at `path` like the video that `info` describes, without sound if that cannot be had.

    Raises:
        FFmpegError: It cannot be begun.
    """
    try:
        return Mp4(path, info, config)
    except (av.FFmpegError, OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        if not is_of_the_disk(error) and takes_nvenc(config, _even(info.size_hw)):  # others may use it up
            _log.warning("%s: NVENC does not take it (%s): it is encoded by x264", info.name, said)
            return begin(path, info, replace(config, encoder="x264"))
        if info.audio is None or is_of_the_disk(error):
            raise
        _log.warning("%s: its sound is left out: %s", info.name, said)
        return Mp4(path, replace(info, audio=None), config)


class Mp4:
    """Takes frames in order, then its ends in order: of pictures, of sound, of the file.

    It can be abandoned at any time, and must be, unless it was closed; nothing else may follow that.

    Attributes:
        last_time: When the last frame is shown, in seconds of the source's clock; None before the first.
    """

    def __init__(self, path: Path, info: VideoInfo, config: WriterConfig) -> None:
        """Begin; see `begin`.

        Raises:
            FFmpegError: It cannot be begun.
            VideoError: The source cannot be opened again for its sound.
        """
        self.last_time: Fraction | None = None
        self._info, self._config = info, config
        self._from_bgr = FromBgr(info.colors, info.size_hw)
        self._frame_count = 0
        self._ticks = 0  # the last frame's time in the file
        self._end = Fraction(0)  # of it, in seconds of the source's clock
        delay = math.ceil(_FIRST_REORDERING / (info.frame_rate * info.time_base))
        self._times = PacketTimes(max(_FIRST_REORDERING, delay))
        self._sound: AudioTracks | None = None
        timescale = _track_timescale(info.time_base)
        self._is_reordered = timescale < _FINE_TIMESCALE
        self._longest_step = Fraction(_LONGEST_STEP, timescale * (_REORDERING if self._is_reordered else 1))
        # Delays are kept in ticks of the movie's clock, which by default has only milliseconds.
        options = {"movflags": "faststart", "movie_timescale": str(timescale)}
        self._output = av.open(f"file:{path}", "w", format="mp4", options=options)
        try:
            self._stream = self._add_pictures()
            if info.audio is not None:
                self._sound = AudioTracks(info.audio, self._output, info.origin)
            self._output.start_encoding()
        except BaseException:
            self.abandon()
            raise

    def write(self, image: Image, time: Fraction) -> None:
        """Append a `(H, W, 3)` uint8 BGR image that is shown from `time` on in the source.

        Raises:
            FFmpegError: It cannot be encoded or written.
            VideoError: It comes so long after the one before that MP4 has no room for the time between.
        """
        ticks = self._ticks_at(time)
        if self.last_time is not None:
            ticks = max(ticks, self._ticks + 1)
            if time - self.last_time > self._longest_step:
                raise VideoError(
                    f"there are {float(time - self.last_time):.0f} s from one frame to the next; MP4 has room"
                    f" for {float(self._longest_step):.0f} with this clock"
                )
        picture = self._from_bgr(image)
        picture.pts, picture.time_base = ticks, self._info.time_base
        self._ticks, self.last_time = ticks, time
        self._frame_count += 1
        for packet in self._times.add(self._stream.encode(picture), self._frame_count, ticks):
            self._mux(packet)

    def end_pictures(self, end_time: Fraction | None) -> None:
        """Write what the encoder holds back; the last frame is shown until `end_time`, if that is known.

        Raises:
            FFmpegError: It cannot be written.
        """
        if self.last_time is None:
            return
        seconds = 1 / self._info.frame_rate if end_time is None else end_time - self.last_time
        self._end = self.last_time + min(seconds, self._longest_step)
        duration = max(1, self._ticks_at(self._end) - self._ticks)
        for packet in self._times.end(self._stream.encode(None), self._ticks, duration):
            self._output.mux(packet)

    def end_sound(self, is_whole: bool) -> None:
        """Write the sound to its end, or to that of the pictures where these are cut short.

        It can be left by an exception, such as Ctrl-C; then the sound ends there.

        Raises:
            FFmpegError: It cannot be written.
        """
        audio = self._info.audio
        if self._sound is not None and audio is not None:
            self._sound.finish(None if is_whole and not audio.ends_early else self._end)

    def close(self) -> None:
        """Write the index, and close the file.

        Raises:
            FFmpegError: It cannot be written.
        """
        self._let_go_of_sound()
        self._output.close()

    def abandon(self) -> None:
        """Close the file as it is, which may be of no use to anybody."""
        self._let_go_of_sound()
        try:
            self._output.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            _log.debug("closing an unfinished file: %s", error)

    def _let_go_of_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()

    def _add_pictures(self) -> VideoStream:
        """The H.264 track, with the source's clock, pixel shape and colour tags."""
        info = self._info
        rate = info.frame_rate.limit_denominator(_LARGEST_DENOMINATOR)
        encoder, options = encoding(self._config, _even(info.size_hw), self._is_reordered)
        stream: VideoStream = self._output.add_stream(encoder, rate=rate)  # type: ignore[assignment]
        stream.options = {**options}
        stream.time_base = info.time_base
        context = stream.codec_context
        context.height, context.width = _even(info.size_hw)
        context.pix_fmt = "yuv420p"
        context.time_base = info.time_base
        context.sample_aspect_ratio = info.sample_aspect_ratio
        context.color_range = LIMITED_RANGE
        context.colorspace = info.colors.matrix
        context.color_primaries = info.colors.primaries
        context.color_trc = info.colors.transfer
        context.thread_count = _ENCODER_THREADS
        return stream

    def _ticks_at(self, time: Fraction) -> int:
        """The place in the file of a time of the source."""
        return round((time - self._info.origin) / self._info.time_base)

    def _mux(self, packet: Packet) -> None:
        """Write a packet of pictures after the sound that comes before it."""
        if self._sound is not None and packet.dts is not None:
            self._sound.advance(self._info.origin + packet.dts * self._info.time_base)
        self._output.mux(packet)


def _even(size_hw: tuple[int, int]) -> tuple[int, int]:
    """The next size whose colours can be halved."""
    height, width = size_hw
    return height + height % 2, width + width % 2


def _track_timescale(time_base: Fraction) -> int:
    """Ticks per second of an MP4 track that holds multiples of `time_base`, as FFmpeg chooses them."""
    timescale = time_base.denominator
    while timescale < _MIN_TIMESCALE:
        timescale *= 2
    return timescale
