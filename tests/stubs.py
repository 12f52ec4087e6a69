"""Models that see what a test says, for tests of all that is around models."""

from __future__ import annotations

import copy

import numpy as np
import torch

from sav.config import PICTURE_DETECTION, DetectionConfig
from sav.data.masks import Masks
from sav.data.types import Detections

SIZE_HW = (60, 80)


def picture(seed: int = 0) -> np.ndarray:
    """A `(60, 80, 3)` uint8 picture of noise."""
    return np.random.default_rng(seed).integers(0, 255, (*SIZE_HW, 3), np.uint8)


class StubDetector:
    """Finds the same boxes in every picture, and notes with which settings it was asked."""

    def __init__(self, boxes_xyxy=((5, 5, 25, 25), (40, 10, 70, 50)), class_ids=None, scores=None) -> None:
        self.categories = {0: "person", 1: "dog"}
        self.config = PICTURE_DETECTION
        self.configs: list[DetectionConfig] = []
        boxes = np.array(boxes_xyxy, np.float32).reshape(-1, 4)
        classes = np.zeros(len(boxes)) if class_ids is None else np.array(class_ids)
        sure = np.linspace(0.9, 0.6, len(boxes)) if scores is None else np.array(scores)
        self.found = Detections(boxes, sure.astype(np.float32), classes.astype(np.int64))

    def with_config(self, config):
        other = copy.copy(self)
        other.config = config
        return other

    def __call__(self, images_bgr):
        self.configs += [self.config] * len(images_bgr)
        return [self.found] * len(images_bgr)


class StubSam:
    """Fills each box, moved by `shift_xy`; a box of the number `empty` gets no pixel."""

    device = torch.device("cpu")
    shares_out = False

    def __init__(self, shift_xy=(0, 0), empty=()) -> None:
        self.shift_xy, self.empty = shift_xy, empty
        self.embedded = 0

    def embed(self, images_bgr):
        self.embedded += len(images_bgr)
        return [image.shape[:2] for image in images_bgr]

    def masks_from_boxes(self, size_hw, boxes_xyxy):
        dense = np.zeros((len(boxes_xyxy), *size_hw), np.bool_)
        for number, (x0, y0, x1, y1) in enumerate(np.rint(boxes_xyxy).astype(int).tolist()):
            dx, dy = self.shift_xy
            if number not in self.empty:
                dense[number, y0 + dy : y1 + dy, x0 + dx : x1 + dx] = True
        return Masks.from_dense(dense)

    def masks_from_boxes_together(self, sizes_hw, boxes_xyxy):
        return [self.masks_from_boxes(*pair) for pair in zip(sizes_hw, boxes_xyxy, strict=True)]
