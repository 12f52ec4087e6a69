"""MP4s of frames at any times end exactly when the last frame does, as their own boxes say."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from sav.data.types import Frame
from sav.media.h264 import WriterConfig
from sav.media.video import VideoInfo
from sav.media.writer import VideoWriter
from tests.media.test_writer import copy

CONTAINERS = (b"moov", b"trak", b"mdia", b"edts", b"minf", b"stbl")
TICK = Fraction(1, 1000)
STEPS = ([33, 33, 33, 40, 16, 500, 1000], [40], [1, 1, 2, 1000], [1], [1000, 20], [100_000, 1, 30])


def boxes(content: bytes, begin: int, end: int) -> Iterator[tuple[str, bytes]]:
    """The kinds and contents, after version and flags, of the boxes that hold no others."""
    while begin < end:
        size, kind = struct.unpack_from(">I4s", content, begin)
        if kind in CONTAINERS:
            yield from boxes(content, begin + 8, begin + size)
        else:
            yield kind.decode(), content[begin + 12 : begin + size]
        begin += size


def lengths(path: Path) -> dict[str, Fraction]:
    """Seconds that the boxes of an MP4 with one track declare."""
    content = path.read_bytes()
    found = dict(boxes(content, 0, len(content)))
    movie_rate, movie = struct.unpack_from(">II", found["mvhd"], 8)
    (track_rate,) = struct.unpack_from(">I", found["mdhd"], 8)
    (track,) = struct.unpack_from(">I", found["tkhd"], 16)
    edits = [row[0] for row in struct.iter_unpack(">IiI", found["elst"][4:])]
    stored = sum(count * step for count, step in struct.iter_unpack(">II", found["stts"][4:]))
    return {
        "movie": Fraction(movie, movie_rate),
        "track": Fraction(track, movie_rate),
        "edits": Fraction(sum(edits), movie_rate),
        "stored": Fraction(stored, track_rate),
    }


def write(path: Path, ticks: list[int], preset: str, rate: Fraction | None = None) -> Path:
    """An MP4 of a frame at each of the ticks but the last, at which the last frame ends."""
    noise = np.random.default_rng(0)
    rate = rate or (len(ticks) - 1) / ((ticks[-1] - ticks[0]) * TICK)
    info = VideoInfo((32, 48), rate, TICK)
    with VideoWriter(path, info, WriterConfig(preset=preset)) as writer:
        for index, tick in enumerate(ticks[:-1]):
            image = np.full((32, 48, 3), index * 5 % 255, np.uint8)
            if noise.random() < 0.2:
                image = noise.integers(0, 255, image.shape, np.uint8)
            writer.write(Frame(image, index, str(index), tick * TICK))
        writer.end_time = ticks[-1] * TICK
    return path


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [(frame.pts or 0) * Fraction(frame.time_base) for frame in container.decode(video=0)]


def random_ticks(choice: random.Random, count: int, steps: list[int], first: int = 0) -> list[int]:
    ticks = [first]
    for _ in range(count):
        ticks.append(ticks[-1] + choice.choice(steps))
    return ticks


@pytest.mark.parametrize("preset", ["ultrafast", "veryfast", "medium"])
@pytest.mark.parametrize("steps", STEPS, ids=str)
def test_a_video_ends_when_its_last_frame_does(tmp_path: Path, steps: list[int], preset: str) -> None:
    choice = random.Random(str(steps) + preset)
    for count in (1, 2, 3, 4, 5, *(choice.randint(6, 40) for _ in range(4))):
        ticks = random_ticks(choice, count, steps, first=choice.choice([0, 0, 700]))
        path = write(tmp_path / "out.mp4", ticks, preset, choice.choice([None, Fraction(25)]))
        assert times(path) == [tick * TICK for tick in ticks[:-1]]
        whole, shown = ticks[-1] * TICK, (ticks[-1] - ticks[0]) * TICK
        assert lengths(path) == {"movie": whole, "track": whole, "edits": whole, "stored": shown}, ticks


def test_steady_frames_are_stored_steadily(tmp_path: Path) -> None:
    path = write(tmp_path / "out.mp4", list(range(0, 2040, 40)), "medium")
    content = path.read_bytes()
    assert dict(boxes(content, 0, len(content)))["stts"][4:] == struct.pack(">II", 50, 640)


@pytest.mark.parametrize("seed", range(6))
def test_the_copy_of_a_video_or_of_a_stretch_ends_when_the_source_does(tmp_path: Path, seed: int) -> None:
    choice = random.Random(seed)
    ticks = random_ticks(choice, choice.randint(1, 30), STEPS[0])
    source = write(tmp_path / "in.mp4", ticks, "veryfast")
    target = copy(source, tmp_path / "out.mp4")
    assert set(lengths(target).values()) == {ticks[-1] * TICK}
    end = choice.randint(1, len(ticks) - 1)
    target = copy(source, tmp_path / "out.mp4", end=end)
    assert set(lengths(target).values()) == {ticks[end] * TICK}
