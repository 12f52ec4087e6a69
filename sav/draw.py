"""Scenes as pictures: colours, tints, outlines and labels; pure functions of their arguments.

A colour depends on an id alone, the same in every run and frame. Labelled objects get strong colours,
unlabelled regions soft ones, and a region has the same colour in the semantic picture as in SAM's plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.labels import Layout, write_on_plate
from sav.masks import Masks
from sav.scene import Scene
from sav.types import Image, IntArray

# The golden ratio spreads the hues of neighbouring ids as far apart as any number of them allows.
_GOLDEN_RATIO = 0.618033988749895
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
    size = config.text_size(scene.size_hw)
    label(drawn, scene.masks, scene.class_names, object_colours, size, Layout(scene.size_hw))
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
    layout = Layout(scene.size_hw)
    for track_id, bgr, box in zip(scene.track_ids.tolist(), object_colours, corners, strict=True):
        text = f"Id {track_id}"
        plate = layout.place(text, np.array(box[:2]), size, anchor_xy=(0.0, 1.0))
        write_on_plate(drawn, text, plate, bgr, size)
    label(drawn, scene.masks, scene.class_names, object_colours, size, layout)
    return drawn


def tint(drawn: Image, image_bgr: Image, masks: Masks, bgr: NDArray[np.uint8], strength: float) -> None:
    """Blend each mask's colour over the untouched picture into `drawn`, large ones first, with an outline."""
    reach = _diamond(1 + min(masks.size_hw) // 700)
    for position in _large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        crop, place = masks.crop(position).view(np.uint8), drawn[y0:y1, x0:x1]
        inner = cv2.erode(crop, reach, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        plain = _plain(crop.shape, bgr[position])
        blended = cv2.addWeighted(image_bgr[y0:y1, x0:x1], 1 - strength, plain, strength, 0)
        cv2.copyTo(blended, crop, place)
        cv2.copyTo(plain, crop - inner, place)


def fill(canvas: Image, masks: Masks, bgr: NDArray[np.uint8]) -> None:
    """Paint each mask in its plain colour, large ones first."""
    for position in _large_first(masks):
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        crop = masks.crop(position).view(np.uint8)
        cv2.copyTo(_plain(crop.shape, bgr[position]), crop, canvas[y0:y1, x0:x1])


def _plain(size_hw: tuple[int, ...], bgr: NDArray[np.uint8]) -> Image:
    """A picture of one colour; OpenCV fills it in a tenth of the time that numpy takes."""
    plain = np.empty((*size_hw, 3), np.uint8)
    cv2.rectangle(plain, (0, 0), size_hw[::-1], bgr.tolist(), cv2.FILLED)
    return plain


def _diamond(radius: int) -> NDArray[np.uint8]:
    """All pixels within `radius` steps of the middle, along rows and columns."""
    steps = np.abs(np.arange(-radius, radius + 1))
    return (steps[:, None] + steps <= radius).astype(np.uint8)


def _large_first(masks: Masks) -> IntArray:
    """Positions of the masks that are not empty, by falling area."""
    order = np.argsort(-masks.areas, kind="stable")
    return order[masks.areas[order] > 0]


def label(
    drawn: Image, masks: Masks, texts: Sequence[str], bgr: NDArray[np.uint8], size: int, layout: Layout
) -> None:
    """Write each text at its mask's centroid, inside the picture; an empty mask gets none."""
    for position in _large_first(masks):
        plate = layout.place(texts[position], masks.centroids_xy[position], size)
        write_on_plate(drawn, texts[position], plate, bgr[position], size)
