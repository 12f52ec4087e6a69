"""Scenes as pictures: colours, tints, outlines and labels; pure functions of their arguments.

A colour depends on an id alone, the same in every run and frame. Labelled objects get strong colours,
unlabelled regions soft ones, and a region has the same colour in the semantic picture as in SAM's plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from sav.masks import Masks
from sav.scene import Scene
from sav.types import Image, IntArray

# The golden ratio spreads the hues of neighbouring ids as far apart as any number of them allows.
_GOLDEN_RATIO = 0.618033988749895
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_STRONG = ((1.0, 1.0), (0.72, 1.0), (1.0, 0.78))
_SOFT = ((0.42, 0.95), (0.30, 0.80), (0.50, 0.70))


@dataclass(frozen=True)
class DrawConfig:
    """How an overlay looks.

    Attributes:
        object_tint: Share of its colour in a labelled object's pixels.
        region_tint: The same for unlabelled regions.
        text_share: Height of the text as a share of the picture's shorter side.
        least_text: Smallest text in pixels.
    """

    object_tint: float = 0.5
    region_tint: float = 0.4
    text_share: float = 0.025
    least_text: int = 12

    def text_size(self, size_hw: tuple[int, int]) -> int:
        """Height of the text in a picture of this size, in pixels."""
        return max(self.least_text, round(min(size_hw) * self.text_share))


def colours(ids: Sequence[int] | IntArray, soft: bool = False) -> NDArray[np.uint8]:
    """`(N, 3)` uint8 BGR colours of ids of any size."""
    ids = np.asarray(ids, np.int64)
    shades = np.array(_SOFT if soft else _STRONG, np.float32)[ids % 3]
    hue = (0.33 * soft + ids * _GOLDEN_RATIO) % 1.0 * 360
    hsv = np.concatenate([hue[:, None].astype(np.float32), shades], axis=1)
    bgr = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0] if len(ids) else hsv
    return np.rint(bgr * 255).astype(np.uint8)


def draw_semantic(image_bgr: Image, scene: Scene, config: DrawConfig = DrawConfig()) -> Image:
    """The picture with regions and objects tinted, each object with its class name at its centroid."""
    drawn = image_bgr.copy()
    tint(drawn, image_bgr, scene.regions, colours(scene.region_ids, soft=True), config.region_tint)
    object_colours = colours(scene.track_ids)
    tint(drawn, image_bgr, scene.masks, object_colours, config.object_tint)
    label(drawn, scene.masks, scene.class_names, object_colours, config)
    return drawn


def draw_everything(image_bgr: Image, scene: Scene, config: DrawConfig = DrawConfig()) -> Image:
    """The picture with all masks that SAM found by itself tinted, in the colours that the regions keep."""
    drawn = image_bgr.copy()
    ids = np.arange(len(scene.everything))
    tint(drawn, image_bgr, scene.everything, colours(ids, soft=True), config.region_tint)
    return drawn


def draw_masks(scene: Scene) -> Image:
    """The colours alone, on black: regions, then objects."""
    canvas = np.zeros((*scene.size_hw, 3), np.uint8)
    fill(canvas, scene.regions, colours(scene.region_ids, soft=True))
    fill(canvas, scene.masks, colours(scene.track_ids))
    return canvas


def draw_tracks(image_bgr: Image, scene: Scene, config: DrawConfig = DrawConfig()) -> Image:
    """A frame with each object tinted and boxed in its id's colour, with its id and its class name."""
    drawn = image_bgr.copy()
    object_colours = colours(scene.track_ids)
    tint(drawn, image_bgr, scene.masks, object_colours, config.object_tint)
    size = config.text_size(scene.size_hw)
    corners = np.rint(scene.detections.boxes_xyxy).astype(int).tolist()
    for bgr, (x0, y0, x1, y1) in zip(object_colours.tolist(), corners, strict=True):
        cv2.rectangle(drawn, (x0, y0), (x1 - 1, y1 - 1), bgr, max(1, size // 10))
    for track_id, bgr, box in zip(scene.track_ids.tolist(), object_colours, corners, strict=True):
        write_text(drawn, f"Id {track_id}", np.array(box[:2]), bgr, size, anchor_xy=(0.0, 1.0))
    label(drawn, scene.masks, scene.class_names, object_colours, config)
    return drawn


def tint(drawn: Image, image_bgr: Image, masks: Masks, bgr: NDArray[np.uint8], strength: float) -> None:
    """Blend each mask's colour over the untouched picture into `drawn`, large ones first, with an outline."""
    ramp = np.arange(256, dtype=np.float32)[:, None] * (1 - strength)
    thickness = 1 + min(masks.size_hw) // 700
    for position in _large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position]
        crop = masks.crop(position).view(np.uint8)
        table = np.rint(ramp + bgr[position] * np.float32(strength)).astype(np.uint8)
        tinted = cv2.LUT(np.ascontiguousarray(image_bgr[y0:y1, x0:x1]), table[None])
        inner = cv2.erode(crop, _CROSS, iterations=thickness, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        tinted[crop != inner] = bgr[position]
        drawn[y0:y1, x0:x1] = cv2.copyTo(tinted, crop, drawn[y0:y1, x0:x1].copy())


def fill(canvas: Image, masks: Masks, bgr: NDArray[np.uint8]) -> None:
    """Paint each mask in its plain colour, large ones first."""
    for position in _large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position]
        canvas[y0:y1, x0:x1][masks.crop(position)] = bgr[position]


def _large_first(masks: Masks) -> IntArray:
    """Positions of the masks that are not empty, by falling area."""
    order = np.argsort(-masks.areas, kind="stable")
    return order[masks.areas[order] > 0]


def label(
    drawn: Image, masks: Masks, texts: Sequence[str], bgr: NDArray[np.uint8], config: DrawConfig
) -> None:
    """Write each text at its mask's centroid, inside the picture; an empty mask gets none."""
    size = config.text_size(masks.size_hw)
    for position in _large_first(masks):
        write_text(drawn, texts[position], masks.centroids_xy[position], bgr[position], size)


def write_text(
    drawn: Image,
    text: str,
    position_xy: NDArray[Any],
    bgr: NDArray[np.uint8],
    size: int,
    anchor_xy: tuple[float, float] = (0.5, 0.5),
) -> None:
    """Write `text` in black or white on a plate of colour `bgr`, moved as far as it takes to be inside.

    `anchor_xy` is the point of the plate that lies at `position_xy`, as shares of its width and height.
    """
    ink = _ink(text, size)
    margin = max(2, size // 4)
    plate_hw = np.minimum(np.array(ink.shape) + 2 * margin, drawn.shape[:2])
    corner = np.rint(np.asarray(position_xy)[::-1] - plate_hw * np.array(anchor_xy[::-1])).astype(int)
    top, left = np.clip(corner, 0, np.array(drawn.shape[:2]) - plate_hw)
    plate = drawn[top : top + plate_hw[0], left : left + plate_hw[1]]
    cover = np.zeros(plate_hw, np.float32)
    shown = ink[: max(0, plate_hw[0] - 2 * margin), : max(0, plate_hw[1] - 2 * margin)]
    cover[margin : margin + shown.shape[0], margin : margin + shown.shape[1]] = shown
    luminance = float(bgr @ np.array([0.114, 0.587, 0.299]))
    letters = np.float32(0 if luminance > 128 else 255)
    plate[:] = np.rint(bgr + cover[..., None] * (letters - bgr.astype(np.float32)))


@lru_cache(maxsize=512)
def _ink(text: str, size: int) -> NDArray[np.float32]:
    """How much of each pixel the letters cover, `(h, w)`, 0 to 1; all texts of a size are equally high."""
    font = _font(size)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(text)))
    picture = font.getmask(text, mode="L", anchor="ls", start=(0, 0))
    covered = np.array(picture, np.uint8).reshape(picture.size[::-1])
    left, top, _, _ = font.getbbox(text, anchor="ls")
    ink = np.zeros((ascent + descent, width), np.float32)
    _paste(ink, (covered / 255).astype(np.float32), ascent + int(top), int(left))
    return ink


def _paste(canvas: NDArray[np.float32], bitmap: NDArray[np.float32], top: int, left: int) -> None:
    """Lay `bitmap` on `canvas` with its corner at `top`, `left`, cut to what fits."""
    y0, x0 = max(0, top), max(0, left)
    piece = bitmap[y0 - top : y0 - top + canvas.shape[0] - y0, x0 - left : x0 - left + canvas.shape[1] - x0]
    canvas[y0 : y0 + piece.shape[0], x0 : x0 + piece.shape[1]] = piece


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and knows Latin, Greek, Cyrillic and more."""
    spec = find_spec("matplotlib")
    assert spec is not None and spec.origin is not None  # a requirement of the package
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans-Bold.ttf"), size)
