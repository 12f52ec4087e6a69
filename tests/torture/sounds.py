"""Videos with broken sound of every codec: no failure of it may cost a picture."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from sav.errors import VideoDamagedError
from sav.media.reader import open_video
from sav.media.writer import VideoWriter
from tests.media.videos import make_video
from tests.torture.mutations import Random, mutated

_FRAMES, _RATE = 50, Fraction(25)

# Seconds of sound after the last picture that may come of sound that is longer, or of a gap in it.
_LONGEST_TAIL = 60

_KINDS: dict[str, tuple[str | tuple[str, str], dict[str, Any]]] = {
    "aac.ts": ("aac", {}),
    "aac_mono.ts": ("aac", {"audio_layout": "mono", "audio_rate": 44100}),
    "latm.ts": ("aac", {"muxer_options": {"mpegts_flags": "latm"}}),
    "mp2.ts": ("mp2", {}),
    "mp2_mono.ts": ("mp2", {"audio_layout": "mono", "audio_rate": 44100}),
    "mp3.ts": ("libmp3lame", {}),
    "ac3.ts": ("ac3", {}),
    "eac3.ts": ("eac3", {}),
    "opus.ts": ("libopus", {}),
    "mp2.vob": ("mp2", {"codec": "mpeg2video"}),
    "ac3.vob": ("ac3", {"codec": "mpeg2video"}),
    "aac.flv": ("aac", {"audio_rate": 44100}),
    "mp3.flv": ("libmp3lame", {"audio_rate": 44100}),
    "adpcm.flv": ("adpcm_swf", {"audio_rate": 44100}),
    "aac.mp4": ("aac", {}),
    "mp3.mp4": ("libmp3lame", {}),
    "ac3.mp4": ("ac3", {}),
    "flac.mp4": ("flac", {}),
    "opus.mp4": ("libopus", {}),
    "alac.mov": ("alac", {}),
    "pcm.mov": ("pcm_s24le", {}),
    "float.mov": ("pcm_f32le", {}),
    "many.mov": ("pcm_s16le", {"audio_layout": "hexadecagonal"}),
    "ulaw.mov": ("pcm_mulaw", {"audio_rate": 8000, "audio_layout": "mono"}),
    "aac.mkv": ("aac", {}),
    "mp3_8k.mkv": ("libmp3lame", {"audio_rate": 8000}),
    "ac3.mkv": ("ac3", {"audio_layout": "5.1"}),
    "flac.mkv": ("flac", {}),
    "wavpack.mkv": ("wavpack", {}),
    "vorbis.mkv": ("vorbis", {}),
    "tta.mkv": ("tta", {}),
    "opus.webm": ("libopus", {"codec": "libvpx"}),
    "vorbis.ogg": ("vorbis", {"codec": "libvpx"}),
    "mp3.avi": ("libmp3lame", {}),
    "adpcm.avi": ("adpcm_ms", {}),
    "mp3.wmv": ("libmp3lame", {"codec": "wmv2", "audio_rate": 44100}),
    "aac.3gp": ("aac", {"codec": "h263"}),
    "opus.nut": ("libopus", {}),
    "two.mkv": (("aac", "vorbis"), {}),
}


def trial(seed: int, number: int, folder: Path) -> str:
    """Read a video with and without writing it: it must give as many pictures, and sound that decodes."""
    name, content = mutant(seed, number)
    source, target = folder / f"mutant{number % 2}{Path(name).suffix}", folder / "out.mp4"
    source.write_bytes(content)
    alone = _frames(source)
    target.unlink(missing_ok=True)

    with open_video(source) as reader:
        writer = VideoWriter(target, reader.info)
        try:
            for frame in reader:
                writer.write(frame)
            writer.end_time = reader.end_time
            writer.close()
        except VideoDamagedError:
            writer.interrupt()
    if writer.frame_count != alone:
        return f"FAULT: {alone} frames are read, {writer.frame_count} with the sound"
    return _checked(writer.saved_path, alone) if writer.saved_path else "nothing to save"


def _frames(source: Path) -> int:
    count = 0
    with open_video(source) as reader:
        try:
            for _ in reader:
                count += 1
        except VideoDamagedError:
            pass
    return count


def _checked(saved: Path, frames: int) -> str:
    with av.open(str(saved)) as container:
        pictures = [frame.time for frame in container.decode(video=0)]
    if len(pictures) != frames:
        return f"FAULT: {frames} frames were written, {len(pictures)} are there"
    outcome = "without sound"
    with av.open(str(saved)) as container:
        for stream in container.streams.audio:
            container.seek(0)
            times = [frame.time for frame in container.decode(stream) if frame.time is not None]
            if times and times[-1] > pictures[-1] + _LONGEST_TAIL:
                return f"FAULT: pictures end at {pictures[-1]:.1f} s, sound at {times[-1]:.1f} s"
            outcome = "with sound" if times else outcome
    return outcome


def mutant(seed: int, number: int) -> tuple[str, bytes]:
    """A name and the content of a mutated video; every other one is two videos joined."""
    random = np.random.default_rng([seed, number])
    samples = list(videos().items())
    (name, content), (_, other) = (samples[i] for i in random.integers(0, len(samples), 2))
    if random.integers(2):
        alike = [video for kind, video in samples if Path(kind).suffix == Path(name).suffix]
        content += alike[int(random.integers(len(alike)))]
    if random.integers(2):
        return name, _flip_many_bits(content, random)
    return name, mutated(content, other, random)


def _flip_many_bits(content: bytes, random: Random) -> bytes:
    """Bits flipped all over, as by a bad receiver."""
    bits = np.frombuffer(content, np.uint8).copy()
    places = random.integers(0, len(bits), int(2 ** random.uniform(0, 9)))
    np.bitwise_xor.at(bits, places, (1 << random.integers(0, 8, len(places))).astype(np.uint8))
    return bits.tobytes()


def prepare() -> None:
    """Make what all trials start from, once, before they are run in processes of their own."""
    videos()


@lru_cache(maxsize=1)
def videos() -> dict[str, bytes]:
    """Whole videos with sound of every kind, by name."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: make_video(Path(folder), name, _FRAMES, rate=_RATE, audio=audio, **options).read_bytes()
            for name, (audio, options) in _KINDS.items()
        }
