"""A segmenter that takes its time, as a GPU would, and finds the same in every picture; imports no torch.

A process with torch takes hundreds of megabytes and seconds to start; sixteen of these fit on two cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame


@dataclass
class StandIn:
    """What a run over pictures asks of a segmenter.

    Attributes:
        seconds: How long a picture takes.
        objects: How many objects there are in each.
        batch: Pictures that it takes at once.
    """

    seconds: float = 0.0
    objects: int = 2
    batch: int = 1
    regions: bool = False

    @property
    def categories(self) -> dict[int, str]:
        return {0: "person", 1: "dog"}

    @property
    def checkpoint_hashes(self) -> dict[str, str]:
        return {}

    def settings(self, for_video: bool) -> dict[str, Any]:
        return {"objects": self.objects}

    def together(
        self,
        frames: Sequence[Frame],
        *,
        on_progress: Callable[[int, float], None] = lambda place, share: None,
    ) -> list[Scene]:
        """The scene of each picture, after a while."""
        time.sleep(self.seconds * len(frames))
        return [self._scene(frame) for frame in frames]

    def _scene(self, frame: Frame) -> Scene:
        height, width = frame.size_hw
        dense = np.zeros((self.objects, height, width), np.bool_)
        for number in range(self.objects):
            left = number * width // self.objects
            dense[number, height // 4 : height // 2, left + 1 : left + max(2, width // self.objects)] = True
        masks = Masks.from_dense(dense)
        boxes = np.array(masks.boxes_xyxy, np.float32)
        scores = np.linspace(0.9, 0.5, self.objects, dtype=np.float32)
        classes = np.arange(self.objects, dtype=np.int64) % 2
        nothing = Masks.empty(frame.size_hw)
        empty = np.zeros(0, np.float32), np.zeros(0, np.int64)
        unlabelled = Instances.unlabelled(nothing, *empty)
        objects = Instances(boxes, scores, classes, np.arange(1, self.objects + 1, dtype=np.int64), masks)
        candidates = Detections(boxes, scores, classes)
        return Scene(frame, objects, unlabelled, self.categories, unlabelled, candidates=candidates)
