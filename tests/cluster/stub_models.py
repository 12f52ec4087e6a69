"""Stub models for workers, which load them in their own processes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from sav.segmenter import Segmenter
from tests.stubs import StubDetector, StubSam


@dataclass
class Poisonous(StubDetector):
    """Dies of pictures whose first pixel is `poison`; dies `once` of those of another colour."""

    marks: Path | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    def __call__(self, images_bgr):
        time.sleep(self.seconds)
        for image in images_bgr:
            blue, green, red = image[0, 0].tolist()
            if (blue, green) == (66, 66):
                mark = self.marks / str(red) if self.marks else None
                if red == 0 or (mark and not mark.exists()):
                    if mark:
                        mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(images_bgr)


def stub_segmenter(marks: Path | None = None, seconds: float = 0.0) -> Segmenter:
    return Segmenter(Poisonous(marks, seconds), StubSam(), regions=False)
