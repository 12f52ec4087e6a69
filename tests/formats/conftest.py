"""Scenes that are hard to write, and a way to write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.formats.target import Target
from sav.media.video import VideoInfo
from sav.runs.saving import Annotations

SIZE_HW = (40, 60)
# A comma, quotes, letters beyond ASCII, and what XML, YAML and file names treat in ways of their own.
NAMES = {0: "person", 1: 'dog, "große" 犬 <&>', 2: "car"}
VIDEO = VideoInfo(SIZE_HW, Fraction(25), Fraction(1, 12_800), name="somewhere/street.mp4")


def blob(*slices: tuple[slice, slice]) -> np.ndarray:
    mask = np.zeros(SIZE_HW, bool)
    for rows, columns in slices:
        mask[rows, columns] = True
    return mask


RING = blob((slice(5, 20), slice(5, 20)))
RING[9:12, 9:12] = False
# Two opposite corners of the picture.
PIECES = blob((slice(0, 4), slice(0, 4)), (slice(36, 40), slice(56, 60)))
EMPTY = blob()
PIXEL = blob((slice(30, 31), slice(30, 31)))
REGION = blob((slice(20, 30), slice(20, 60)))
AWKWARD = np.stack([RING, PIECES, EMPTY, PIXEL])


@pytest.fixture
def awkward_scene(make_scene) -> Callable[..., Scene]:
    """A hole, pieces at the border, nothing at all and a single pixel, with names that are hard to write."""

    def make(index: int = 0, name: str = "bild_ü.jpg", regions: bool = False, **more) -> Scene:
        rows, columns = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]]
        image = np.stack([rows * 4, columns * 4, rows + columns + index], axis=-1).astype(np.uint8)
        return make_scene(
            AWKWARD,
            REGION[None] if regions else None,
            class_ids=[0, 1, 2, 1],
            categories=NAMES,
            name=name,
            index=index,
            image=image,
            **more,
        )

    return make


@pytest.fixture
def awkward_video(awkward_scene) -> list[Scene]:
    """Four frames; the tracks are 3, 7, 300 and 9, and track 7 is away in the third frame."""
    ids = np.array([3, 7, 300, 9])
    scenes = [
        awkward_scene(index, f"street_{index:06d}", is_tracked=True, track_ids=ids.tolist())
        for index in range(4)
    ]
    return [*scenes[:2], scenes[2][ids != 7], scenes[3]]


@pytest.fixture
def save(tmp_path) -> Callable[..., Path]:
    """Write scenes in some formats; returns the folder of the annotation files."""

    def write(
        names: str | Sequence[str],
        scenes: Iterable[Scene],
        video: VideoInfo | None = None,
        options: SaveOptions = SaveOptions(),
        folder: Path = tmp_path / "annotations",
        categories: Mapping[int, str] = NAMES,
    ) -> Path:
        names = [names] if isinstance(names, str) else names
        with Annotations(names, Target(folder, categories, video, options=options)) as annotations:
            for scene in scenes:
                annotations.write(scene)
        return folder

    return write
