"""Mutated videos of many containers and codecs, through reader and writer."""

from __future__ import annotations

import os
import tempfile
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sav.errors import VideoDamagedError
from sav.media.reader import open_video
from sav.media.video import VideoReader
from sav.media.writer import VideoWriter
from tests.media.videos import make_video
from tests.torture.mutations import mutated

# Enough to meet what is broken; more would only take time.
_FRAMES = 40
_PIXELS = 200_000_000

# name: video codec, sound, and what else it takes to make one.
_KINDS: dict[str, tuple[str, str | tuple[str, ...], dict[str, Any]]] = {
    "h264.mp4": ("libx264", "aac", {}),
    "two_sounds.mp4": ("libx264", ("aac", "libmp3lame"), {}),
    "hevc.mp4": ("libx265", "libmp3lame", {"options": {"x265-params": "log-level=none"}}),
    "fragments.mp4": ("libx264", "aac", {"muxer_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "mjpeg.mov": ("mjpeg", "pcm_s16le", {"pix_fmt": "yuvj420p"}),
    "prores.mov": ("prores_ks", "alac", {"pix_fmt": "yuv422p10le"}),
    "rle.mov": ("qtrle", (), {"pix_fmt": "rgb24"}),
    "ffv1.mkv": ("ffv1", "flac", {}),
    "vp9.mkv": ("libvpx-vp9", "libopus", {"options": {"deadline": "realtime", "cpu-used": "8"}}),
    "h264.mkv": ("libx264", "ac3", {}),
    "vp8.webm": ("libvpx", "libopus", {"options": {"deadline": "realtime", "cpu-used": "8"}}),
    "av1.webm": ("libsvtav1", "libopus", {"options": {"preset": "12"}}),
    "mpeg4.avi": ("mpeg4", "libmp3lame", {}),
    "huffyuv.avi": ("huffyuv", "pcm_s16le", {"pix_fmt": "yuv422p"}),
    "msvideo.avi": ("cinepak", "adpcm_ms", {"pix_fmt": "rgb24"}),
    "sorenson.flv": ("flv", "libmp3lame", {"audio_rate": 44100}),
    "h264.flv": ("libx264", "aac", {}),
    "h264.ts": ("libx264", "aac", {}),
    "mpeg2.ts": ("mpeg2video", "mp2", {"rate": Fraction(25)}),
    "mpeg1.mpg": ("mpeg1video", "mp2", {"rate": Fraction(25)}),
    "dvd.vob": ("mpeg2video", "ac3", {"rate": Fraction(25)}),
    "h263.3gp": ("h263", "aac", {"audio_rate": 44100}),
    "wmv2.wmv": ("wmv2", "libmp3lame", {"audio_rate": 44100}),
    "plain.gif": ("gif", (), {"pix_fmt": "rgb8", "rate": Fraction(25)}),
    "plain.m4v": ("mpeg4", (), {}),
    "plain.h264": ("libx264", (), {}),
    "plain.mjpeg": ("mjpeg", (), {"pix_fmt": "yuvj420p"}),
    "plain.ivf": ("libvpx", (), {"options": {"deadline": "realtime", "cpu-used": "8"}}),
    "mpeg2.mxf": ("mpeg2video", "pcm_s16le", {"rate": Fraction(25)}),
    "mpeg4.nut": ("mpeg4", "libopus", {}),
    "vp8.ogg": ("libvpx", "libopus", {"options": {"deadline": "realtime", "cpu-used": "8"}}),
    "flash.swf": ("flv", "libmp3lame", {"audio_rate": 44100, "rate": Fraction(25)}),
    "mpeg2.wtv": ("mpeg2video", "mp2", {"rate": Fraction(25)}),
    "plain.apng": ("apng", (), {"pix_fmt": "rgb24"}),
}


def trial(seed: int, number: int, folder: Path) -> str:
    """Read a mutated video and write what is read: what is saved is whole, or it is refused in one line."""
    name, content = mutant(seed, number)
    source = folder / f"mutant{number % 2}{Path(name).suffix}"
    source.write_bytes(content)
    target = folder / "out.mp4"
    for path in (target, _interrupted(target)):
        path.unlink(missing_ok=True)

    with open_video(source) as reader:
        wanted = min(_FRAMES, max(1, _PIXELS // max(1, reader.size_hw[0] * reader.size_hw[1])))
        writer = VideoWriter(target, reader.info)
        try:
            outcome = "read"
            _copy(reader, writer, wanted)
        except VideoDamagedError:
            outcome = "read until damaged"
            writer.interrupt()

    return _checked(folder, writer, outcome)


def _copy(reader: VideoReader, writer: VideoWriter, wanted: int) -> None:
    with writer:
        for frame in islice(iter(reader), wanted):
            writer.write(frame)
        writer.end_time = reader.end_time


def _interrupted(target: Path) -> Path:
    return target.with_name(f"{target.stem}.interrupted{target.suffix}")


def _checked(folder: Path, writer: VideoWriter, outcome: str) -> str:
    """The outcome, or what is wrong with what was saved."""
    left = [path.name for path in folder.iterdir() if ".part" in path.name]
    if left:
        return f"FAULT: {left} is left behind"
    if writer.saved_path is None:
        return "nothing to save"
    with open_video(writer.saved_path) as saved:
        count = sum(1 for _ in saved)
    if count != writer.frame_count:
        return f"FAULT: {writer.frame_count} frames were written, {count} are there"
    return outcome


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """A name and the content of a mutated video."""
    random = np.random.default_rng([seed, number])
    samples = list(videos().items())
    (name, content), (_, other) = (samples[i] for i in random.integers(0, len(samples), 2))
    return name, mutated(content, other, random)


def prepare() -> None:
    """Make what all trials start from, once, before they are run in processes of their own."""
    os.environ["SVT_LOG"] = "0"
    videos()


@lru_cache(maxsize=1)
def videos() -> dict[str, bytes]:
    """Whole videos of every kind, by name."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: make_video(Path(folder), name, count=12, codec=codec, audio=audio, **options).read_bytes()
            for name, (codec, audio, options) in _KINDS.items()
        }
