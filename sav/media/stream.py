"""The reader for all that FFmpeg opens: files, addresses, cameras."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from sav.data.types import Frame
from sav.errors import VideoDamagedError, VideoError, VideoSizeChangedError
from sav.media import seeking
from sav.media.audio.sources import sound_streams
from sav.media.clock import SLIP
from sav.media.colors import ColorTags, ToBgr
from sav.media.decoding import Decoder, TimedPicture
from sav.media.frame_rate import frame_rate
from sav.media.opening import check_size, picture_stream
from sav.media.orientation import Orientation
from sav.media.pyav import close_input, fraction, size_of
from sav.media.selection import Selection, reached
from sav.media.sound_clock import SoundClock
from sav.media.video import AudioSource, Input, LiveSound, VideoInfo, VideoReader

_MICROSECONDS = 1_000_000
_FINEST_TICK = Fraction(1, 1_000_000)  # of a second
_USUAL_TICK = Fraction(1, 90_000)
_PLAYLISTS = {"hls", "dash"}
_STORING_STEPS = {"mov,mp4,m4a,3gp,3g2,mj2"}
_Numbered = Iterator[tuple[int, TimedPicture]]


class StreamReader(VideoReader):
    """Decodes the wanted frames of one video stream, upright and in BGR.

    The first wanted frame is decoded when the reader is made, so a video that cannot be read, or has no
    such frame, is known at once.
    """

    def __init__(self, source: Input, selection: Selection) -> None:
        """Open `source` and go to the first frame of `selection`.

        Raises:
            SettingError: The selection's end comes before its start.
            VideoError: There is no video to read, or no such frame in it.
        """
        self._source = source
        self._selection = selection
        self._open()
        try:
            self._rate = frame_rate(self._stream, source)
            self._pictures = self._selected()
            first = self._first()
            check_size(first[1].picture.width, first[1].picture.height, source)
        except BaseException:
            self.close()
            raise
        self._orientation = Orientation.of(first[1].picture)
        self._decoded_size = first[1].picture.height, first[1].picture.width
        self._to_bgr = ToBgr()
        self._label = re.sub(r"\W+", "_", Path(source.name).stem)
        self._pictures = itertools.chain([first], self._pictures)
        self.info = self._describe(first[1])

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; see `VideoReader.__iter__`."""
        for index, (number, timed) in enumerate(self._pictures):
            size = timed.picture.height, timed.picture.width
            if size != self._decoded_size:
                raise VideoSizeChangedError(
                    f"{self._source.name} changes its size from {_by(self._decoded_size)} to {_by(size)} "
                    f"after {index} frames; the frames before that are good"
                )
            image = self._orientation.apply(self._to_bgr(timed.picture))
            yield Frame(image, index, f"{self._label}_{number:06d}", timed.time)

    def close(self) -> None:
        """Close the source."""
        close_input(self._container)

    def _open(self) -> None:
        self._container = self._source.open()
        try:
            self._stream: VideoStream = picture_stream(self._container, self._source)
        except VideoError:
            close_input(self._container)
            raise
        clock = SoundClock(self._source.name, self._stream.index)
        self._sound = None if self._has_end() else LiveSound(self._container, clock)

    def _has_end(self) -> bool:
        """Whether the source is a file, here or elsewhere, or a stream that somebody records."""
        if self._source.is_live or self._source.timeouts is None:
            return not self._source.is_live
        is_list = self._container.format.name in _PLAYLISTS  # whose own size is not that of the video
        return bool(self._container.duration or (size_of(self._container) and not is_list))

    def _first(self) -> tuple[int, TimedPicture]:
        try:
            first = next(self._pictures, None)
        except VideoDamagedError as error:
            if not self._source.is_piped:
                raise
            raise self._source.not_piped() from error
        if first is None and self._selection.start is None:
            raise VideoError(f"{self._source.name} has no frame that can be decoded")
        if first is None:
            raise VideoError(f"{self._source.name} ends before the start that is asked for")
        return first

    def _selected(self) -> _Numbered:
        """The wanted pictures with their numbers in the source."""
        start, end, stride = self._selection.start or 0, self._selection.end, self._selection.stride
        first_time, numbered = self._near_start()
        first_number: int | None = None
        timed: TimedPicture | None = None
        for number, timed in numbered:
            first_time = timed.time if first_time is None else first_time
            if end is not None and reached(end, number, timed.time - first_time):
                if first_number is None:
                    raise self._selection.reversed_order()
                self.end_time = timed.time
                return
            if first_number is None and not reached(start, number, timed.time - first_time):
                continue
            first_number = number if first_number is None else first_number
            self.end_time = timed.end
            if (number - first_number) % stride == 0:
                yield number, timed
        if timed is not None and first_number is not None:
            self.end_time = self._end_of(timed)

    def _end_of(self, last: TimedPicture) -> Fraction:
        """When the last picture of all ends.

        MP4 says for how long each is stored, which tells of how long it is shown only where pictures are
        stored as they are shown; but it declares the end of the whole.
        """
        stream = self._stream
        if self._container.format.name not in _STORING_STEPS or not stream.duration:
            return last.end
        declared = ((stream.start_time or 0) + stream.duration) * fraction(stream.time_base)
        if declared <= last.time:
            return last.time + min(last.duration, 1 / self._rate)
        return declared if declared <= max(last.end, last.time + SLIP) else last.end

    def _near_start(self) -> tuple[Fraction | None, _Numbered]:
        """When the first frame of all is shown, if known, and the numbered pictures from near the start on.

        Seeks where packets alone tell which frame comes where; else, and where seeking does not lead to
        that very frame, decodes from the beginning.
        """
        landmark = None
        if self._selection.start and self._sound is None:
            landmark = seeking.find(self._container, self._stream, self._selection.start)
            if landmark is not None:
                pictures = self._seek(landmark)
                if pictures is not None:
                    first_time = landmark.first_pts * fraction(self._stream.time_base)
                    return first_time, zip(itertools.count(landmark.number), pictures)
            close_input(self._container)
            self._open()
        return None, enumerate(self._decoder())

    def _seek(self, landmark: seeking.Landmark) -> Iterator[TimedPicture] | None:
        """The pictures from the landmark's on, or None if it cannot be reached from a key frame before it."""
        target = landmark.pts * fraction(self._stream.time_base)
        try:
            self._container.seek(landmark.pts, stream=self._stream)
        except av.FFmpegError:
            return None
        pictures = iter(self._decoder())
        # What comes before the first key frame hangs on frames that were not read.
        from_key = itertools.dropwhile(lambda timed: not timed.picture.key_frame, pictures)
        key = next(from_key, None)
        if key is None or key.time > target:
            return None
        wanted = itertools.dropwhile(lambda timed: timed.time < target, itertools.chain([key], from_key))
        found = next(wanted, None)
        if found is None or found.time != target:
            return None
        return itertools.chain([found], wanted)

    def _decoder(self) -> Decoder:
        is_address = self._source.timeouts is not None
        return Decoder(self._container, self._stream, self._source.name, self._rate, is_address, self._sound)

    def _describe(self, first: TimedPicture) -> VideoInfo:
        stream, picture = self._stream, first.picture
        aspect = fraction(stream.sample_aspect_ratio) or Fraction(1)
        rate = self._rate
        return VideoInfo(
            size_hw=self._orientation.size_hw(self._decoded_size),
            frame_rate=rate / self._selection.stride,
            time_base=_time_base(stream, rate),
            name=self._source.name,
            frame_count=None if self._sound else self._selection.count_of(self._total(rate), rate),
            sample_aspect_ratio=1 / aspect if self._orientation.transpose else aspect,
            colors=ColorTags.of(picture),
            origin=first.time if self._selection.start else self._origin(first.time),
            audio=self._audio(),
            is_live=self._sound is not None,
        )

    def _total(self, rate: Fraction) -> int | None:
        """About how many frames the whole stream has."""
        if self._stream.frames:
            return self._stream.frames
        if self._stream.duration:
            return round(self._stream.duration * fraction(self._stream.time_base) * rate)
        return round(self._container.duration * rate / _MICROSECONDS) if self._container.duration else None

    def _origin(self, first_time: Fraction) -> Fraction:
        """The time that becomes 0 in a copy.

        A source that begins within a second of 0 keeps its clock; any other begin comes from a clock that
        has run before, such as that of a broadcast, and is taken off.
        """
        starts = [
            stream.start_time * fraction(stream.time_base)
            for stream in self._container.streams.audio
            if stream.start_time is not None
        ]
        begin = min([first_time, *starts])
        return Fraction(0) if first_time >= 0 and abs(begin) < 1 else begin

    def _audio(self) -> AudioSource | None:
        if not sound_streams(self._container):
            return None
        starts_late, ends_early = bool(self._selection.start), self._selection.end is not None
        return AudioSource(self._source, self._sound, starts_late, ends_early)


def _time_base(stream: VideoStream, rate: Fraction) -> Fraction:
    """The stream's clock; a finer one if that cannot tell frames apart, a coarser one if it is too fine."""
    tick = fraction(stream.time_base) or 1 / rate
    tick = tick * math.ceil(_FINEST_TICK / tick) / math.ceil(rate * tick)
    # FFmpeg counts in 32 bits; only a broken file has a clock that they do not hold.
    return tick if max(tick.numerator, tick.denominator) < 2**31 else _USUAL_TICK


def _by(size_hw: tuple[int, int]) -> str:
    return f"{size_hw[1]}x{size_hw[0]}"
