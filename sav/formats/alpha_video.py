"""Video with transparency, timed like its source: ProRes 4444 in a .mov, or VP9 with alpha in a .webm."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from sav.media.video import VideoInfo


@dataclass(frozen=True)
class _Encoding:
    codec: str
    pixels: str
    options: dict[str, str]
    finest_tick: Fraction = Fraction(0)  # of the container's clock, in seconds


# Both are the fast choice of several: a tenth to a third of the others' time, at no cost that shows.
_ENCODINGS: dict[str, _Encoding] = {
    ".mov": _Encoding("prores_aw", "yuva444p10le", {"profile": "4"}),
    # Alternate reference frames and alpha exclude each other.
    ".webm": _Encoding(
        "libvpx-vp9",
        "yuva420p",
        {"crf": "20", "b": "0", "auto-alt-ref": "0", "deadline": "realtime", "cpu-used": "8", "row-mt": "1"},
        Fraction(1, 1000),
    ),
}
_BT709 = 1

# PyAV's rates are of 32 bits.
_LARGEST_DENOMINATOR = 100_000


class AlphaVideo:
    """Writes `(H, W, 4)` frames to the file at `path`, whose suffix chooses the form."""

    def __init__(self, path: Path, info: VideoInfo) -> None:
        """Begin a video of the size and the clock that `info` describes."""
        self._path, self._info = path, info
        self._encoding = _ENCODINGS[path.suffix]
        self._last_ticks = -1
        self._is_over = False
        # Without bitexact a .webm gets a random number, and no two runs the same bytes.
        self._output = av.open(str(path), "w", options={"fflags": "+bitexact"})
        self._tick = max(info.time_base, self._encoding.finest_tick)
        rate = min(info.frame_rate, 1 / self._tick).limit_denominator(_LARGEST_DENOMINATOR)
        self._stream: Any = self._output.add_stream(self._encoding.codec, rate=rate)
        self._stream.options = {**self._encoding.options}
        self._stream.time_base = self._tick
        context: Any = self._stream.codec_context
        height, width = info.size_hw
        # Even, as the encoders and the MP4 beside it have it.
        context.height, context.width = height + height % 2, width + width % 2
        context.pix_fmt = self._encoding.pixels
        context.time_base = self._tick
        context.sample_aspect_ratio = info.sample_aspect_ratio
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = ColorRange.MPEG
        context.thread_count = 0

    def write(self, image_bgra: NDArray[np.uint8], time: Fraction) -> None:
        """Append a frame of straight alpha, shown from `time` on in the source's clock.

        Raises:
            OSError: If it cannot be written, for example because the disk is full.
        """
        height, width = image_bgra.shape[:2]
        even = np.pad(image_bgra, ((0, height % 2), (0, width % 2), (0, 0)))
        picture = av.VideoFrame.from_ndarray(even, format="bgra").reformat(
            format=self._encoding.pixels,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            # libswscale writes 16 pixels of 10 bits at a time, past the end of rows of other widths: several
            # threads spoil the beginnings of each other's rows there.
            threads=1,
        )
        ticks = round((time - self._info.origin) / self._tick)
        self._last_ticks = max(ticks, self._last_ticks + 1)
        picture.pts, picture.time_base = self._last_ticks, self._tick
        self._mux(picture)

    def close(self) -> None:
        """Write what the encoder holds back, and close the file.

        Raises:
            OSError: It cannot be written; nothing is tried again after that.
        """
        if self._is_over:
            return
        try:
            self._mux(None)
            self._is_over = True
            self._close()
        except OSError:
            self.discard()
            raise

    def discard(self) -> None:
        """Close the file as it is, which is of no use to anybody; raises nothing."""
        if not self._is_over:
            self._is_over = True
            with contextlib.suppress(OSError):
                self._close()

    def _mux(self, picture: av.VideoFrame | None) -> None:
        with self._errors():
            self._output.mux(self._stream.encode(picture))

    def _close(self) -> None:
        with self._errors():
            self._output.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror, self._path.name) from None
