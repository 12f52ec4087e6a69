"""Models that see two things walk, for workers; some frames are too much for them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np

from sav.data.types import Detections
from sav.errors import DeviceMemoryError
from sav.segmenter import Segmenter
from tests.stubs import StubDetector, StubSam

# What a frame does to who looks at it, as its pixel at `TRICK_AT` says.
TRICK_AT = (2, 2, 1)
NOTHING, FAIL, KILL_ONCE, KILL = 0, 60, 120, 180


def walking_image(number, trick=NOTHING):
    """Frame `number`, `(60, 96, 3)` uint8 BGR."""
    image = np.full((60, 96, 3), 90, np.uint8)
    image[20:40, number : number + 20] = 200
    image[:5, :5] = number * 5, trick, 0
    return image


class WalkingDetector(StubDetector):
    """Sees two boxes walk, now and then weakly or not at all: ids hang on what the tracker remembers.

    Who is killed once leaves a file among the `marks`.
    """

    def __init__(self, marks: Path) -> None:
        super().__init__()
        self.marks = marks

    def __call__(self, images_bgr):
        return [self._see(image) for image in images_bgr]

    def _see(self, image):
        number, trick = int(image[2, 2, 0]) // 5, int(image[TRICK_AT])
        if trick == FAIL:
            raise DeviceMemoryError("too large")
        if trick == KILL or (trick == KILL_ONCE and not (self.marks / "dead").exists()):
            (self.marks / "dead").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        boxes = np.array([[number, 5, number + 20, 25], [70 - number, 30, 85 - number, 50]], np.float32)
        scores = np.array([0.9 if number % 5 else 0.15, 0.8 if number % 7 else 0.2], np.float32)
        return Detections(boxes, scores, np.array([0, number % 2], np.int64))[: 1 if number % 6 == 0 else 2]


def walking(marks: Path) -> Segmenter:
    """A segmenter of such models."""
    return Segmenter(WalkingDetector(marks), StubSam(), regions=False)
