"""Videos made on the spot: each frame shows its own number, so that a mix-up is seen."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.conftest import SHARED

NTSC = Fraction(30000, 1001)
SHARED_MEDIA = SHARED / "media"

# The same bytes each time; see `sav.media.h264`.
_REPEATABLE = {"libx264": {"x264-params": "cpu-independent=1"}}


def numbered_image(number: int, size_hw: tuple[int, int] = (96, 128)) -> np.ndarray:
    """A coloured image with `number` as eight black or white blocks along its upper half."""
    height, width = size_hw
    image = np.empty((height, width, 3), np.uint8)
    image[:] = (40, 90, 160)
    image[height // 2 :, : width // 2] = (180, 60, 30)
    step = width // 8
    for bit in range(8):
        image[: height // 2, bit * step : (bit + 1) * step] = 255 * (number >> bit & 1)
    return image


def read_number(image: np.ndarray) -> int:
    """The number that an image made by `numbered_image` shows."""
    height, step = image.shape[0], image.shape[1] // 8
    blocks = [image[height // 8 : height // 3, bit * step + 3 : (bit + 1) * step - 3] for bit in range(8)]
    return sum(int(block.mean() > 128) << bit for bit, block in enumerate(blocks))


def tone(seconds: Fraction | float, rate: int = 48000) -> np.ndarray:
    """Two channels of a rising tone, `(2, N)` float32."""
    time = np.arange(round(seconds * rate)) / rate
    wave = 0.4 * np.sin(2 * np.pi * (200 + 100 * time) * time)
    return np.stack([wave, wave]).astype(np.float32)


def _set_display_matrix(path: Path, degrees: int, mirror_x: bool, mirror_y: bool) -> None:
    """Have an MP4's first track shown turned counter-clockwise by quarter turns, then mirrored."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    x, y = (-1 if mirror_x else 1), (-1 if mirror_y else 1)
    one = 1 << 16
    matrix = (x * cos * one, y * -sin * one, 0, x * sin * one, y * cos * one, 0, 0, 0, 1 << 30)
    identity = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    content = path.read_bytes()
    begin = content.index(identity, content.index(b"tkhd"))
    path.write_bytes(content[:begin] + struct.pack(">9i", *matrix) + content[begin + len(identity) :])


def _encode_tone(stream: Any, seconds: Fraction | float) -> list[av.Packet]:
    rate = stream.codec_context.sample_rate
    samples, packets = tone(seconds, rate), []
    resampler = av.AudioResampler(stream.codec_context.format, stream.codec_context.layout.name, rate)
    for begin in range(0, samples.shape[1], 960):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[:, begin : begin + 960]), "fltp", "stereo"
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        for converted in resampler.resample(frame):
            packets += stream.encode(converted)
    return packets + stream.encode(None)


def make_video(
    folder: Path,
    name: str = "video.mp4",
    count: int = 24,
    size_hw: tuple[int, int] = (96, 128),
    rate: Fraction = NTSC,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    audio: str | Sequence[str] = (),
    audio_seconds: float | None = None,
    audio_rate: int = 48000,
    audio_layout: str = "stereo",
    rotation: tuple[int, bool, bool] | None = None,
    muxer_options: dict[str, str] | None = None,
    image: Callable[[int, tuple[int, int]], np.ndarray] = numbered_image,
    pix_fmt: str = "yuv420p",
    prepare: Callable[[Any], None] | None = None,
) -> Path:
    """Write a video of numbered images, and sound beside them, into `folder`."""
    path = folder / name
    with av.open(str(path), "w", options=muxer_options or {}) as output:
        options = {**_REPEATABLE.get(codec, {}), **(options or {})}
        stream = output.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = size_hw
        stream.pix_fmt = pix_fmt
        time_base = time_base or 1 / rate
        stream.time_base = stream.codec_context.time_base = time_base
        if prepare is not None:
            prepare(stream)
        names = [audio] if isinstance(audio, str) else audio
        sounds = [output.add_stream(n, rate=audio_rate, layout=audio_layout) for n in names]
        for sound in sounds:
            if sound.codec_context.name == "vorbis":
                sound.options = {"strict": "experimental"}
        packets = []
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(image(number, size_hw), format="bgr24")
            picture.pts = ticks[number] if ticks is not None else number
            picture.time_base = time_base
            packets += stream.encode(picture)
        packets += stream.encode(None)
        for sound in sounds:
            packets += _encode_tone(sound, audio_seconds if audio_seconds is not None else count / rate)
        for packet in sorted(packets, key=lambda p: p.dts * Fraction(p.time_base)):
            output.mux(packet)
    if rotation is not None:
        _set_display_matrix(path, *rotation)
    return path


def pictures_of(path: Path) -> list[tuple[Fraction, np.ndarray]]:
    """The frames of a video: when each is shown, and its BGR image."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (frame.pts * stream.time_base, frame.to_ndarray(format="bgr24"))
            for frame in container.decode(stream)
        ]
