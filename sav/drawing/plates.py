"""Plates: what is known of an object, written on a rectangle of its colour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image, IntArray
from sav.drawing.colours import readable_on
from sav.drawing.text import ink, on_one_line, shortened
from sav.looks import DrawConfig

if TYPE_CHECKING:
    from sav.data.scene import Scene

# A label: its parts from left to right, each a line of text.
Parts = tuple[str, ...]

# No name is wider than this share of the picture, nor, in a large one, than so many heights of its letters.
_WIDEST_SHARE = 0.4
_WIDEST_NAME = 16


def label_parts(scene: Scene, config: DrawConfig, size: int) -> list[Parts]:
    """What is written of each object: in a video its id, then its class name and its score."""
    with_ids = scene.is_tracked if config.ids is None else config.ids
    widest = round(min(scene.size_hw[1] * _WIDEST_SHARE, _WIDEST_NAME * size))
    labels = []
    for track_id, name, score in zip(
        scene.track_ids.tolist(), scene.class_names, scene.scores.tolist(), strict=True
    ):
        parts = [f"#{track_id}"] * with_ids + [shortened(on_one_line(name), widest, size)]
        labels.append((*parts, *[f"{score:.2f}"] * config.scores))
    return labels


def plate_sizes(labels: Sequence[Parts], size: int) -> IntArray:
    """`(N, 2)` int64, widths and heights of the labels' plates in pixels."""
    margin, space = _spaces(size)
    inks = [[ink(part, size).shape for part in parts] for parts in labels]
    widths = [sum(width for _, width in shapes) + space * (len(shapes) - 1) for shapes in inks]
    heights = [shapes[0][0] for shapes in inks]
    return np.array([widths, heights], np.int64).T + np.array([2 * margin, 2])


def write_plate(
    drawn: Image, parts: Parts, corner_xy: Sequence[int], bgr: NDArray[np.uint8], size: int
) -> None:
    """Paint a plate of colour `bgr` with its top left pixel at `corner_xy`, cut to the picture."""
    left, top = corner_xy
    place = drawn[top:, left:]
    plate = _written(parts, size, tuple(bgr.tolist()))[: place.shape[0], : place.shape[1]]
    place[: plate.shape[0], : plate.shape[1]] = plate


@lru_cache(maxsize=512)
def _written(parts: Parts, size: int, bgr: tuple[int, int, int]) -> Image:
    """A whole plate with its text, black or white, its parts a space apart."""
    margin, space = _spaces(size)
    letters = [_lettered(part, size, bgr) for part in parts]
    width = sum(part.shape[1] for part in letters) + space * (len(letters) - 1)
    plate = np.empty((letters[0].shape[0] + 2, width + 2 * margin, 3), np.uint8)
    plate[:] = bgr
    for part in letters:
        plate[1:-1, margin : margin + part.shape[1]] = part
        margin += part.shape[1] + space
    return plate


@lru_cache(maxsize=4096)
def _lettered(text: str, size: int, bgr: tuple[int, int, int]) -> Image:
    """A text on a ground of colour `bgr`."""
    colour = np.array(bgr, np.float32)
    letters = readable_on(np.array([bgr], np.uint8))[0].astype(np.float32)
    cover = ink(text, size)[..., None].astype(np.float32) / 255
    return np.rint(colour + cover * (letters - colour)).astype(np.uint8)


def _spaces(size: int) -> tuple[int, int]:
    """Pixels between a plate's side and its letters, and between its parts."""
    return max(2, size // 5), max(3, round(size * 0.3))
