"""Masks as tints with smooth outlines, boxes as lines; each visible on whatever it lies on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import BoolArray, FloatArray, Image, IntArray
from sav.drawing.colours import readable_on

# An outline is a function of how much of a pixel's surroundings the mask covers, 0 to 255: its line lies on
# the mask's edge, and outside lies a seam, black or white, that keeps it apart from a ground of its colour.
_LEVELS = np.arange(256)
_LINE = np.interp(_LEVELS, [70, 125, 195, 240], [0.0, 1.0, 1.0, 0.0])
_SEAM = np.interp(_LEVELS, [30, 75, 130, 170], [0.0, 1.0, 1.0, 0.0])
_LEAST_LEVEL, _MOST_LEVEL = 31, 240


@dataclass(frozen=True)
class Strength:
    """How strongly masks are drawn: opacity of the tint, of the line, and of the seam around it, 0 to 1."""

    tint: float
    line: float
    seam: float


def tint(drawn: Image, image_bgr: Image, masks: Masks, bgr: NDArray[np.uint8], strength: Strength) -> None:
    """Blend each mask's colour over the untouched picture into `drawn`, large ones first, with an outline."""
    reach = line_width(masks.size_hw)
    for position in large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        crop, place = masks.crop(position).view(np.uint8), drawn[y0:y1, x0:x1]
        if strength.tint:
            source, plain = image_bgr[y0:y1, x0:x1], _plain(crop.shape, bgr[position])
            cv2.copyTo(cv2.addWeighted(source, 1 - strength.tint, plain, strength.tint, 0), crop, place)
        if strength.line:
            _outline(drawn, crop, (x0, y0), bgr[position], strength, reach)


def fill(canvas: Image, masks: Masks, bgr: NDArray[np.uint8]) -> None:
    """Paint each mask in its plain colour, large ones first."""
    for position in large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        crop = masks.crop(position).view(np.uint8)
        cv2.copyTo(_plain(crop.shape, bgr[position]), crop, canvas[y0:y1, x0:x1])


def frame_boxes(drawn: Image, boxes_xyxy: FloatArray, bgr: NDArray[np.uint8], is_dashed: BoolArray) -> None:
    """Draw `(N, 4)` boxes in their colours, each with a thin seam in black or white around it."""
    height, width = drawn.shape[:2]
    thickness = line_width(drawn.shape[:2])
    seams = readable_on(bgr).tolist()
    seam, beyond = 1 + thickness // 4, 2 * thickness
    corners = np.clip(np.rint(boxes_xyxy), -beyond, [width + beyond, height + beyond] * 2).astype(int)
    for position, (x0, y0, x1, y1) in enumerate(corners.tolist()):
        dash = 5 * thickness if is_dashed[position] else max(width, height) + 2 * beyond
        _rectangle(drawn, (x0 - seam, y0 - seam, x1 + seam, y1 + seam), seams[position], seam, dash)
        _rectangle(drawn, (x0, y0, x1, y1), bgr[position].tolist(), thickness, dash)


def line_width(size_hw: Sequence[int]) -> int:
    """Pixels that a line is wide in a picture of this size."""
    return 1 + min(size_hw) // 600


def _outline(
    drawn: Image,
    crop: NDArray[np.uint8],
    corner_xy: tuple[int, int],
    bgr: NDArray[np.uint8],
    strength: Strength,
    reach: int,
) -> None:
    """Draw a mask's edge, smoothed over `reach` pixels to either side; none where the picture cuts it off."""
    height, width = drawn.shape[:2]
    left, top = min(reach, corner_xy[0]), min(reach, corner_xy[1])
    right = min(reach, width - corner_xy[0] - crop.shape[1])
    bottom = min(reach, height - corner_xy[1] - crop.shape[0])

    covered = cv2.copyMakeBorder(crop * np.uint8(255), top, bottom, left, right, cv2.BORDER_CONSTANT)
    window = (2 * reach + 1, 2 * reach + 1)
    level = np.asarray(cv2.blur(covered, window, borderType=cv2.BORDER_REPLICATE), np.uint8)
    # Unsigned numbers below the least level wrap around to large ones.
    at_edge = np.flatnonzero((level - np.uint8(_LEAST_LEVEL)) < _MOST_LEVEL - _LEAST_LEVEL)
    first = (corner_xy[1] - top) * width + corner_xy[0] - left
    pixels = first + at_edge + at_edge // level.shape[1] * (width - level.shape[1])

    # Pixels as one item of three bytes are fetched and put back several times as fast as three numbers.
    flat = drawn.reshape(-1, 3).view("V3").ravel()
    before = flat.take(pixels).view(np.uint8).reshape(-1, 3)
    kept, added = _edge(tuple(bgr.tolist()), strength)
    levels = level.take(at_edge)
    after = before * kept.take(levels, axis=0) + added.take(levels, axis=0)
    np.put(flat, pixels, after.astype(np.uint8).view("V3"))


@lru_cache(maxsize=1024)
def _edge(bgr: tuple[int, int, int], strength: Strength) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """At each level, the share of the picture that is kept, and what is added to it; both `(256, 3)`."""
    colour = np.array([bgr], np.uint8)
    line, seam = strength.line * _LINE[:, None], strength.seam * _SEAM[:, None]
    kept = (1 - seam) * (1 - line)
    added = seam * readable_on(colour) * (1 - line) + line * colour
    return kept.repeat(3, axis=1).astype(np.float32), (added + 0.5).astype(np.float32)


def _rectangle(
    drawn: Image, box: tuple[int, int, int, int], bgr: Sequence[int], thickness: int, dash: int
) -> None:
    """Lines along the inside of a box's sides, in dashes with gaps as long as they are."""
    x0, y0, x1, y1 = box
    if 2 * thickness < min(x1 - x0, y1 - y0) and max(x1 - x0, y1 - y0) <= dash:
        for inset in range(thickness):
            corners = (x0 + inset, y0 + inset), (x1 - 1 - inset, y1 - 1 - inset)
            cv2.rectangle(drawn, *corners, bgr, 1)
        return
    across = [(x, min(x + dash, x1)) for x in range(x0, x1, 2 * dash)]
    down = [(y, min(y + dash, y1)) for y in range(y0, y1, 2 * dash)]
    bars = [(begin, y, end, y + thickness) for begin, end in across for y in (y0, y1 - thickness)]
    bars += [(x, begin, x + thickness, end) for begin, end in down for x in (x0, x1 - thickness)]
    for left, top, right, bottom in bars:
        drawn[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = bgr


def _plain(size_hw: tuple[int, ...], bgr: NDArray[np.uint8]) -> Image:
    """A picture of one colour; OpenCV fills it in a tenth of the time that numpy takes."""
    plain = np.empty((*size_hw, 3), np.uint8)
    cv2.rectangle(plain, (0, 0), size_hw[::-1], bgr.tolist(), cv2.FILLED)
    return plain


def large_first(masks: Masks) -> IntArray:
    """Positions of the masks that are not empty, by falling area."""
    order = np.argsort(-masks.areas, kind="stable")
    return order[masks.areas[order] > 0]
