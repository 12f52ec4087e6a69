"""What goes into refining and what comes out of it, one frame each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Arrays, Detections, IntArray


@dataclass(frozen=True, eq=False)
class TrackedFrame(Arrays):
    """A frame as a tracker has left it.

    Attributes:
        time: Seconds.
        ids: `(N,)` int64, the tracker's ids, each once.
        boxes: The boxes, scores and classes that they were matched to.
        candidates: What else the detector saw; boxes that are among `boxes` are passed over.
        warp: `(2, 3)`, how the camera moved: pixels of the frame before to pixels of this one.
    """

    time: float
    ids: IntArray
    boxes: Detections
    candidates: Detections = field(default_factory=Detections.empty)
    warp: NDArray[Any] = field(default_factory=lambda: np.eye(2, 3))

    def __post_init__(self) -> None:
        if self.ids.shape != (len(self.boxes),):
            raise ValueError(f"{len(self.boxes)} boxes need as many ids, not {self.ids.shape}")
        if self.warp.shape != (2, 3):
            raise ValueError(f"warp must have shape (2, 3), not {self.warp.shape}")


@dataclass(frozen=True, eq=False)
class RefinedFrame(Arrays):
    """A frame as it is after the fact.

    Attributes:
        ids: `(M,)` int64, from 1 in order of appearance, ascending.
        boxes: The smoothed boxes `(M, 4)`, scores, and each object's one class.
        rows: `(M,)` int64, which row of the tracked frame each was; -1 for one that was not tracked there.
    """

    ids: IntArray
    boxes: Detections
    rows: IntArray
