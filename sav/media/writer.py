"""Frames to an MP4 that is timed like its source: H.264, yuv420p, faststart, with the source's sound."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.packet import Packet
from av.video.stream import VideoStream

from sav.files import put_in_place, staging_folder
from sav.media.audio import AudioTracks
from sav.media.colors import LIMITED_RANGE, FromBgr
from sav.media.save_path import check_save_path
from sav.media.video import VideoError, VideoInfo
from sav.types import Frame

_log = logging.getLogger(__name__)

_MIN_TIMESCALE = 10_000


@dataclass(frozen=True)
class WriterConfig:
    """How videos are encoded.

    Attributes:
        crf: Quality of x264, from 0 (lossless) to 51; at 18 the eye hardly tells it from the source.
        preset: Speed of x264, `ultrafast` to `veryslow`; a slower one makes a smaller file.
    """

    crf: int = 19
    preset: str = "veryfast"

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise ValueError(f"the quality (crf) must be from 0 to 51, not {self.crf}")


class VideoWriter:
    """Writes frames to an MP4 that appears under its name only when it is whole.

    Left through an exception, such as Ctrl-C, it finishes what it has as `NAME.interrupted.mp4`, which
    plays, and leaves alone what was under the name before. Memory does not grow with the video.

    Attributes:
        saved_path: Where the video is once the writer is closed; None if nothing was saved.
        frame_count: Frames written.
        end_time: When the last frame ends, in seconds of the source's clock, set by a caller who knows
            (`reader.end_time`); else the last frame is shown for as long as the average one.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        config: WriterConfig | None = None,
        put: Callable[[Path, Path], Path] = put_in_place,
    ) -> None:
        """Begin a video like the one that `info` describes.

        Args:
            path: Where it goes.
            info: The source's properties.
            config: How it is encoded.
            put: Gives the finished file the name that it is called with, or another, which it returns.

        Raises:
            OSError: It cannot be written at `path`; see `check_save_path`.
            ValueError: `path` is the video that is read, or its suffix is not one of MP4's.
        """
        self._path = check_save_path(path, info.name or None)
        self._info = info
        self._last: tuple[Fraction, int] | None = None  # time in the source, ticks in the copy
        self._first_packet: tuple[int, int] | None = None  # pts, dts
        self._is_flushed = False
        self._is_given_up = False
        self.saved_path: Path | None = None
        self.frame_count = 0
        self.end_time: Fraction | None = None
        self._from_bgr = FromBgr(info.colors, info.size_hw)
        self._put = put
        with ExitStack() as stack:
            self._temporary = stack.enter_context(staging_folder(self._path)) / self._path.name
            # Delays are kept in ticks of the movie's clock, which by default has only milliseconds.
            options = {"movflags": "faststart", "movie_timescale": str(_track_timescale(info.time_base))}
            self._output = av.open(str(self._temporary), "w", format="mp4", options=options)
            self._stream = self._add_stream(config or WriterConfig())
            self._audio = AudioTracks(info.audio, self._output, info.origin) if info.audio else None
            self._staging = stack.pop_all()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.interrupt()
        except OSError as failure:
            _log.warning("what was written so far cannot be saved: %s", failure)

    def write(self, frame: Frame) -> None:
        """Append a frame, whose time is that of the source.

        Raises:
            ValueError: It has another size than the video, or does not come after the frame before.
            OSError: It cannot be written, for example because the disk is full.
        """
        if frame.size_hw != self._info.size_hw:
            raise ValueError(f"frame {frame.index} has size {frame.size_hw}, the video {self._info.size_hw}")
        if self._last is not None and frame.time <= self._last[0]:
            raise ValueError(
                f"frame {frame.index} at {float(frame.time):.3f} s does not come after the last one"
            )
        ticks = round((frame.time - self._info.origin) / self._info.time_base)
        if self._last is not None:
            ticks = max(ticks, self._last[1] + 1)
        picture = self._from_bgr(frame.image)
        picture.pts, picture.time_base = ticks, self._info.time_base
        self._last = frame.time, ticks
        try:
            self._mux(self._stream.encode(picture))
        except av.FFmpegError as error:
            raise OSError(f"cannot write {self._path}: {error.strerror}") from None
        self.frame_count += 1

    def close(self) -> None:
        """Finish the video and give it its name.

        Raises:
            VideoError: No frame was written.
            OSError: It cannot be written.
        """
        if self._is_given_up:
            return
        if self.frame_count == 0:
            self._discard()
            raise VideoError(f"nothing to save as {self._path}: no frame was written")
        try:
            self._finish(self._path, is_whole=True)
        except KeyboardInterrupt:
            self.interrupt()
            raise

    def interrupt(self) -> None:
        """Finish what was written so far under a name that says that it was interrupted.

        Raises:
            OSError: It cannot be written; nothing is left.
        """
        if self.frame_count == 0:
            self._is_given_up = True
            self._discard()
        else:
            name = f"{self._path.stem}.interrupted{self._path.suffix}"
            try:
                self._finish(self._path.with_name(name), is_whole=False)
            except KeyboardInterrupt:
                self._discard()
                raise

    def _add_stream(self, config: WriterConfig) -> VideoStream:
        """The H.264 track, with the source's clock, pixel shape and colour tags."""
        info = self._info
        stream = self._output.add_stream("libx264", rate=info.frame_rate)
        stream.options = {"crf": str(config.crf), "preset": config.preset}
        stream.time_base = info.time_base
        height, width = info.size_hw
        context = stream.codec_context
        context.width, context.height = width + width % 2, height + height % 2
        context.pix_fmt = "yuv420p"
        context.time_base = info.time_base
        context.sample_aspect_ratio = info.sample_aspect_ratio
        context.color_range = LIMITED_RANGE
        context.colorspace = info.colors.matrix
        context.color_primaries = info.colors.primaries
        context.color_trc = info.colors.transfer
        context.thread_count = 0
        return stream

    def _mux(self, packets: Iterable[Packet]) -> None:
        """Write packets, each after the sound that comes before it."""
        for packet in packets:
            if self._first_packet is None:
                self._first_packet = packet.pts or 0, packet.dts or 0
            if self._audio is not None and packet.dts is not None:
                self._audio.advance(self._info.origin + packet.dts * self._info.time_base)
            self._output.mux(packet)

    def _held_back(self) -> list[Packet]:
        """The encoder's last packets, with durations that make the video end when its last frame does.

        MP4 takes a frame's duration from the next one's time, and those set here only where none follows:
        for the frame shown last, and for the one stored last, after which the track's length is reckoned.
        """
        packets = self._stream.encode(None)
        if not packets or self._last is None:
            return packets
        end = self._last[1] + self._last_duration()
        first_pts, first_dts = self._first_packet or (packets[0].pts or 0, packets[0].dts or 0)
        stored_last = packets[-1]
        stored_last.duration = max(1, (end - first_pts) - ((stored_last.dts or 0) - first_dts))
        for packet in packets:
            if packet.pts == self._last[1]:
                packet.duration = self._last_duration()
        return packets

    def _last_duration(self) -> int:
        """Ticks for which the last frame is shown."""
        if self.end_time is None or self._last is None:
            return max(1, round(1 / (self._info.frame_rate * self._info.time_base)))
        return max(1, round((self.end_time - self._last[0]) / self._info.time_base))

    def _finish(self, path: Path, is_whole: bool) -> None:
        """Write all that is held back, and give the file its name."""
        if self.saved_path is not None:
            return
        try:
            if not self._is_flushed:
                self._is_flushed = True
                self._mux(self._held_back())
            if self._audio is not None:
                self._audio.finish(self._audio_end(is_whole))
            self._output.close()
            saved_path = self._put(self._temporary, path)
        except av.FFmpegError as error:
            self._discard()
            raise OSError(f"cannot write {path}: {error.strerror}") from None
        except Exception:
            self._discard()
            raise
        self.saved_path = saved_path
        self._discard()

    def _audio_end(self, is_whole: bool) -> Fraction | None:
        """Where the sound is to end, in seconds of the source's clock; None takes all there is."""
        audio, last = self._info.audio, self._last
        if last is None or audio is None or (is_whole and not audio.ends_early):
            return None
        return last[0] + self._last_duration() * self._info.time_base

    def _discard(self) -> None:
        """Let go of source and file; what has no name by now is deleted."""
        if self._audio is not None:
            self._audio.close()
        try:
            self._output.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            _log.debug("closing an unfinished file: %s", error)
        self._staging.close()


def _track_timescale(time_base: Fraction) -> int:
    """Ticks per second of an MP4 track that holds multiples of `time_base`, as FFmpeg chooses them."""
    timescale = time_base.denominator
    while timescale < _MIN_TIMESCALE:
        timescale *= 2
    return timescale
