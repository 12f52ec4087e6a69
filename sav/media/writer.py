"""Frames to an MP4 that appears under its name whole, or under another that says that it is not."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from sav.data.types import Frame
from sav.errors import VideoError
from sav.files import named_errors, put_in_place, staging_folder
from sav.interrupts import uninterrupted
from sav.media import mp4
from sav.media.h264 import WriterConfig
from sav.media.save_path import check_save_path, interrupted_path
from sav.media.video import VideoInfo

_log = logging.getLogger(__name__)


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
            ValueError: `path` is the video that is read, or its suffix is not one of MP4's, or there is no
                H.264 of such a size.
        """
        self._path = check_save_path(path, info.name or None)
        mp4.check_size(info)
        self._info, self._put = info, put
        self._has_ended_pictures = self._is_over = False
        self.saved_path: Path | None = None
        self.frame_count = 0
        self.end_time: Fraction | None = None
        with self._errors(), ExitStack() as stack:
            staging = stack.enter_context(staging_folder(self._path))
            self._partial = staging / self._path.name
            self._mp4 = mp4.begin(self._partial, info, config or WriterConfig())
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
            _log.warning("what was written so far is lost: %s", failure)

    def write(self, frame: Frame) -> None:
        """Append a frame, whose time is that of the source.

        Raises:
            ValueError: It has another size than the video, or does not come after the frame before, or too
                long after it, or the video is closed.
            OSError: It cannot be written, for example because the disk is full.
        """
        if self._is_over:
            raise ValueError(f"{self._path} is closed, no frame can be added")
        if frame.size_hw != self._info.size_hw:
            raise ValueError(f"frame {frame.index} has size {frame.size_hw}, the video {self._info.size_hw}")
        last = self._mp4.last_time
        if last is not None and frame.time <= last:
            raise ValueError(
                f"frame {frame.index} at {float(frame.time):.3f} s does not come after the last one"
            )
        with self._errors():
            self._mp4.write(frame.image, frame.time)
        self.frame_count += 1

    def close(self) -> None:
        """Finish the video and give it its name; Ctrl-C leaves what `interrupt` does.

        Raises:
            VideoError: No frame was written.
            OSError: It cannot be written; nothing is left.
        """
        if self._is_over:
            return
        if self.frame_count == 0:
            self._discard()
            raise VideoError(f"nothing to save as {self._path}: no frame was written")
        try:
            self._end(is_whole=True)
        except KeyboardInterrupt:
            self.interrupt()
            raise
        self._save(self._path)

    def interrupt(self) -> None:
        """Finish what was written so far under a name that says that it was interrupted.

        Ctrl-C ends the sound then and there.

        Raises:
            OSError: It cannot be written; nothing is left.
        """
        if self._is_over:
            return
        if self.frame_count == 0:
            self._discard()
            return
        with contextlib.suppress(KeyboardInterrupt):
            self._end(is_whole=False)
        self._save(interrupted_path(self._path))

    def _end(self, is_whole: bool) -> None:
        """Write what is left of pictures and sound."""
        with self._discarding():
            with uninterrupted():
                if not self._has_ended_pictures:
                    self._has_ended_pictures = True
                    self._mp4.end_pictures(self.end_time)
            self._mp4.end_sound(is_whole)

    def _save(self, path: Path) -> None:
        """Write the index, and give the file its name."""
        with uninterrupted():
            with self._discarding():
                self._mp4.close()
                self.saved_path = self._put(self._partial, path)
            self._discard()

    @contextlib.contextmanager
    def _discarding(self) -> Iterator[None]:
        """Let nothing be tried again with a file that could not be finished."""
        try:
            with self._errors():
                yield
        except Exception:
            self._discard()
            raise

    def _discard(self) -> None:
        """Let go of source and file; what has no name by now is deleted."""
        if not self._is_over:
            self._is_over = True
            self._mp4.abandon()
            self._staging.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Have errors inside the block name the video."""
        try:
            with named_errors(self._path):
                yield
        except av.FFmpegError as error:
            raise OSError(f"cannot write {self._path}: {error.strerror}") from None
