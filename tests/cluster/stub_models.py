"""A stand-in for a segmenter that some pictures kill; workers load it in their own processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.bench.standins import StandIn

SIZE_HW = (60, 80)


@dataclass
class Mortal(StandIn):
    """Dies of pictures that begin with the colour of poison; of those of another red only once.

    Attributes:
        marks: A folder that knows who died already.
    """

    marks: Path | None = None

    def together(self, frames, **settings):
        for frame in frames:
            blue, green, red = frame.image[0, 0].tolist()
            if (blue, green) == (66, 66) and not (red and self._was_there(red)):
                os.kill(os.getpid(), signal.SIGKILL)
        return super().together(frames, **settings)

    def _was_there(self, red):
        mark = self.marks / f".{red}"
        if mark.exists():
            return True
        mark.touch()
        return False


@dataclass
class Slow(StandIn):
    """Takes its time with the first picture, so that what comes of the others has to wait."""

    def together(self, frames, **settings):
        self.seconds = 6.0 if frames[0].index == 0 else 0.0
        return super().together(frames, **settings)


@dataclass
class Blind:
    """Loads a stand-in in a worker that sees nothing of the driver's disk."""

    load: Callable[[], StandIn] = Mortal

    def __call__(self):
        from sav.cluster import picture_work

        picture_work._sees = lambda task: False
        picture_work.stamp_of = lambda path: None
        return self.load()


def picture(seed: int, red: int | None = None) -> np.ndarray:
    """A `(60, 80, 3)` uint8 picture of noise; with `red` one that kills, always if that is 0."""
    image = np.random.default_rng(seed).integers(0, 255, (*SIZE_HW, 3), np.uint8)
    image[0, 0] = (0, 0, 0) if red is None else (66, 66, red)
    return image
