"""A legend: which classes are in a picture, how many of each, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sav.data.types import FloatArray, Image
from sav.drawing.colours import colours
from sav.drawing.steady import Memory
from sav.drawing.text import ink, on_one_line, shortened
from sav.drawing.visible import Visible
from sav.looks import LEAST_TEXT, DrawConfig

if TYPE_CHECKING:
    from sav.data.scene import Scene

# No legend is higher than this share of the picture, nor a name in it wider than that.
_HIGHEST, _WIDEST = 0.6, 0.3
# The corners of the picture, left to right and top to bottom, and how unwelcome each is.
_CORNERS = np.array([(1, 0), (0, 0), (1, 1), (0, 1)], np.float32)
_UNWELCOME = np.array([0.0, 0.02, 0.04, 0.06], np.float32)
# What it costs to cover objects, as a share of the legend, and of them.
_OF_LEGEND, _OF_THEM = 1.0, 1.0
# How much of the picture is seen through it.
_SEEN_THROUGH = 0.25


@dataclass(frozen=True, eq=False)
class Legend:
    """A legend as it is laid on a picture.

    Attributes:
        letters: `(h, w)` uint8, how much of each pixel is covered by white letters, 0 to 255.
        bars: `(h, w, 3)` uint8 BGR, the colours of the objects of each class; black elsewhere.
    """

    letters: NDArray[np.uint8]
    bars: Image

    def draw(self, drawn: Image, corner_xy: NDArray[np.int64]) -> None:
        """Lay it on a picture with its top left pixel at a corner, cut to what fits."""
        place = drawn[corner_xy[1] :, corner_xy[0] :][: self.letters.shape[0], : self.letters.shape[1]]
        height, width = place.shape[:2]
        cover = self.letters[:height, :width, None].astype(np.float32) / 255
        bars = self.bars[:height, :width]
        ground = np.where(bars.any(axis=-1, keepdims=True), bars, place * np.float32(_SEEN_THROUGH))
        place[:] = np.rint(ground + cover * (255 - ground))


def make_legend(scene: Scene, config: DrawConfig) -> Legend:
    """The legend of a scene with at least one object: a line a class, in the order of their ids.

    Where there is not room for all, the most frequent ones are there and the last line counts the others.
    """
    classes, first, counts = np.unique(scene.class_ids, return_index=True, return_counts=True)
    size, most = _fitting(config, scene.size_hw, len(classes))
    kept = np.sort(np.argsort(-counts, kind="stable")[:most])
    names = np.array(scene.class_names, object)[first[kept]]
    widest = round(scene.size_hw[1] * _WIDEST)

    bgr = colours(scene.track_ids)
    bars = [bgr[scene.class_ids == class_id] for class_id in classes[kept]]
    left = [ink(shortened(on_one_line(name), widest, size), size) for name in names]
    right = [ink(str(count), size) for count in counts[kept]]
    if len(kept) < len(classes):
        bars.append(bgr[~np.isin(scene.class_ids, classes[kept])])
        left.append(ink(f"{len(classes) - len(kept)} more", size))
        right.append(ink(str(len(scene) - counts[kept].sum()), size))
    return _laid_out(bars, left, right, size)


def place_legend(legend: Legend, visible: Visible, memory: Memory) -> FloatArray:
    """`(4,)` where a legend lies: in the corner where it hides least, as long as that is so; see `Memory`."""
    cells = np.array(visible.owners.shape[::-1], np.float32) * visible.cell
    size = np.array(legend.letters.shape[::-1], np.float32)
    corners = np.maximum(np.floor(_CORNERS * (cells - size)), 0)
    rectangles = np.concatenate([corners, corners + size], axis=1).astype(np.float32)
    costs = _UNWELCOME + _OF_LEGEND * visible.covered(rectangles) / size.prod()
    costs = costs + _OF_THEM * visible.spoilt(rectangles)
    corner = memory.settle(0, memory.lately([0], costs[None])[0], np.zeros(len(costs), np.float32))
    place: FloatArray = rectangles[corner]
    return place


def _fitting(config: DrawConfig, size_hw: tuple[int, int], count: int) -> tuple[int, int]:
    """The size of the text, as small as needed but no smaller than the least, and how many classes fit."""
    room = size_hw[0] * _HIGHEST
    size = config.text_size(size_hw)
    while size > LEAST_TEXT and _height(count, size) > room:
        size -= 1
    lines = max(1, int((room - 2 * _margin(size)) // _line(size)))
    return size, count if count <= lines else max(1, lines - 1)


def _laid_out(
    bars: list[NDArray[np.uint8]],
    left: list[NDArray[np.uint8]],
    right: list[NDArray[np.uint8]],
    size: int,
) -> Legend:
    """Lines of bars, names and, flush right, numbers."""
    margin, line, bar = _margin(size), _line(size), 2 * size
    middle = max(name.shape[1] for name in left)
    end = 2 * margin + bar + middle + margin + max(number.shape[1] for number in right)
    letters = np.zeros((_height(len(bars), size), end + margin), np.uint8)
    coloured = np.zeros((*letters.shape, 3), np.uint8)
    for row, (bgr, name, number) in enumerate(zip(bars, left, right, strict=True)):
        top = margin + row * line
        stripes = bgr[np.arange(bar) * len(bgr) // bar]
        inset = (line - size) // 2
        coloured[top + inset : top + inset + size, margin : margin + bar] = np.maximum(stripes, 1)
        height = min(line, name.shape[0])
        begin = 2 * margin + bar
        letters[top : top + height, begin : begin + name.shape[1]] = name[:height]
        letters[top : top + height, end - number.shape[1] : end] = number[:height]
    return Legend(letters, coloured)


def _height(count: int, size: int) -> int:
    return 2 * _margin(size) + count * _line(size)


def _line(size: int) -> int:
    return ink("", size).shape[0]


def _margin(size: int) -> int:
    return max(3, size // 2)
