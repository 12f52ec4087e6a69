"""Scenes as pictures: the frame with its objects tinted, outlined and labelled."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, FloatArray, Image, IntArray
from sav.drawing.colours import colours, readable_on
from sav.drawing.ground import ground
from sav.drawing.layout import Placed, place_plates
from sav.drawing.legend import make_legend, place_legend
from sav.drawing.plates import Parts, label_parts, plate_sizes, write_plate
from sav.drawing.steady import Memory
from sav.drawing.tints import Strength, fill, frame_boxes, line_width, tint
from sav.drawing.visible import Visible
from sav.looks import LEAST_TEXT, DrawConfig

if TYPE_CHECKING:
    from sav.data.scene import Scene

# Plates take at most this share of the picture before their text becomes smaller, by steps of this ratio.
_MOST_PLATES = 0.12
_STEP = 0.85
_NOWHERE = np.zeros((0, 4), np.float32)
_PLAIN_SAM = Strength(tint=0.4, line=0.9, seam=0.3)


class Painter:
    """Draws the scenes of one video in their order: a label keeps its place beside its object while it can.

    The same scenes give the same pictures, bit for bit.
    """

    def __init__(self, config: DrawConfig = DrawConfig()) -> None:
        self.config = config
        self._memory, self._legend_memory = Memory(), Memory()
        self._steps = 0

    def __call__(self, scene: Scene) -> Image:
        """The frame with what the scene knows of it drawn on, `(H, W, 3)` uint8 BGR."""
        return self._labelled(scene, self._marked(scene))

    def _marked(self, scene: Scene) -> Image:
        """The frame with tints, outlines and boxes drawn on, which takes no memory; see `_labelled`."""
        config, image = self.config, ground(scene, self.config)
        drawn = image.copy()
        if config.regions:
            soft = colours(scene.regions.ids, soft=True)
            strength = Strength(config.region_opacity, line=0.4 * config.contours, seam=0.0)
            tint(drawn, image, scene.regions.masks, soft, strength)

        bgr = colours(scene.track_ids)
        strength = Strength(config.opacity * config.masks, line=1.0 * config.contours, seam=0.8)
        if config.masks or config.contours:
            tint(drawn, image, scene.masks, bgr, strength)
        is_framed = self._is_framed(scene)
        frame_boxes(drawn, scene.boxes_xyxy[is_framed], bgr[is_framed], scene.doubtful[is_framed])
        return drawn

    def _labelled(self, scene: Scene, drawn: Image) -> Image:
        """What `_marked` gave for the next scene, with labels and a legend written into it."""
        config = self.config
        if not (config.labels or config.legend) or not len(scene):
            return drawn

        visible = Visible(scene.masks)
        legend = make_legend(scene, config) if config.legend else None
        reserved = place_legend(legend, visible, self._legend_memory)[None] if legend else _NOWHERE
        if config.labels:
            self._label(drawn, scene, visible, reserved)
        if legend:
            legend.draw(drawn, reserved[0, :2].astype(np.int64))  # over the lines that lead to objects
        return drawn

    def _is_framed(self, scene: Scene) -> BoolArray:
        """`(N,)` bool, whose box is drawn."""
        with_boxes = scene.is_tracked if self.config.boxes is None else self.config.boxes
        is_framed: BoolArray = with_boxes | (scene.doubtful & (self.config.boxes is not False))
        return is_framed

    def _label(self, drawn: Image, scene: Scene, visible: Visible, reserved: FloatArray) -> None:
        bgr, is_framed = colours(scene.track_ids), self._is_framed(scene)
        size, labels, sizes = self._fitting_text(scene)
        boxes = _boxes_beside(scene, is_framed)
        ids = scene.track_ids.tolist()
        placed = place_plates(visible, boxes, sizes, is_framed, ids, self._memory, reserved)

        _lead(drawn, placed, sizes, bgr)
        for parts, corner, colour in zip(labels, placed.corners_xy.tolist(), bgr, strict=True):
            write_plate(drawn, parts, corner, colour, size)

    def _fitting_text(self, scene: Scene) -> tuple[int, list[Parts], IntArray]:
        """The size of the text, that of the settings unless it hides too much; labels; plates' sizes.

        Then it becomes smaller by some steps, and where the least size hides too much, too, it goes without
        scores.
        """
        full = self.config.text_size(scene.size_hw)
        labels = label_parts(scene, self.config, full)
        sizes = plate_sizes(labels, full)
        share = float(sizes.prod(axis=1).sum()) / (scene.size_hw[0] * scene.size_hw[1])
        # It grows again only when there is room to spare, so that it does not change to and fro.
        self._steps = max(_steps(share), min(self._steps, _steps(share / _STEP**2)))
        fitting = full * _STEP**self._steps
        size, is_brief = max(LEAST_TEXT, round(fitting)), fitting < LEAST_TEXT * _STEP
        if size == full and not is_brief:
            return size, labels, sizes
        labels = label_parts(scene, replace(self.config, scores=False) if is_brief else self.config, size)
        return size, labels, plate_sizes(labels, size)


def overlay(scene: Scene, config: DrawConfig = DrawConfig()) -> Image:
    """One scene drawn for itself, `(H, W, 3)` uint8 BGR; for the frames of a video take a `Painter`."""
    return Painter(config)(scene)


def draw_everything(scene: Scene) -> Image:
    """The frame with all masks that SAM found by itself tinted, in the colours that the regions keep."""
    drawn, found = scene.frame.image.copy(), scene.everything
    tint(drawn, scene.frame.image, found.masks, colours(found.ids, soft=True), _PLAIN_SAM)
    return drawn


def draw_masks(scene: Scene) -> Image:
    """The colours alone, on black: regions, then objects."""
    canvas = np.zeros((*scene.size_hw, 3), np.uint8)
    fill(canvas, scene.regions.masks, colours(scene.regions.ids, soft=True))
    fill(canvas, scene.masks, colours(scene.track_ids))
    return canvas


def _steps(share: float) -> int:
    """By how many steps text is made smaller so that plates take no more of the picture than they may."""
    return max(0, math.ceil(math.log(max(share, 1e-9) / _MOST_PLATES) / (-2 * math.log(_STEP))))


def _boxes_beside(scene: Scene, is_framed: BoolArray) -> FloatArray:
    """`(N, 4)` the boxes beside which labels go: the detector's, or as much of it as has pixels of the mask.

    Specks of a mask far outside the detector's box do not draw its label away.
    """
    detected, seen = scene.boxes_xyxy, scene.masks.boxes_xyxy
    common = np.concatenate(
        [np.maximum(detected[:, :2], seen[:, :2]), np.minimum(detected[:, 2:], seen[:, 2:])], axis=1
    )
    has_common = (common[:, :2] < common[:, 2:]).all(axis=1)
    return np.where((has_common & ~is_framed)[:, None], common, detected).astype(np.float32)


def _lead(drawn: Image, placed: Placed, sizes: NDArray[np.int64], bgr: NDArray[np.uint8]) -> None:
    """Draw a line from each plate that lies apart to its object."""
    thickness = line_width(drawn.shape[:2])
    seams = readable_on(bgr)
    for position in np.flatnonzero(placed.is_apart).tolist():
        corner, target = placed.corners_xy[position], placed.targets_xy[position]
        start = np.clip(target, corner, corner + sizes[position] - 1)
        begin, end = (np.rint(point).astype(int).tolist() for point in (start, target))
        for colour, width in ((seams[position], thickness + 2), (bgr[position], thickness)):
            cv2.line(drawn, begin, end, colour.tolist(), width, cv2.LINE_AA)
            cv2.circle(drawn, end, width + 1, colour.tolist(), cv2.FILLED, cv2.LINE_AA)
