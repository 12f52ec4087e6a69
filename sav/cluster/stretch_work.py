"""What a worker does for one long video: it detects in stretches of it, and cuts objects out of others."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sav.cluster.connection import the_ray
from sav.data.masks import Masks
from sav.data.types import Detections, FloatArray, Frame, Image
from sav.segmenter import Segmenter
from sav.stages.asking import masks_of
from sav.stages.lanes import Lane
from sav.stages.stretches import CutOut, StretchModels, Wanted


@dataclass(frozen=True, eq=False)
class Detect:
    """Detect in the frames that lie at `place`, `batch` at once."""

    place: Any
    batch: int
    with_looks: bool


@dataclass(frozen=True, eq=False)
class Cut:
    """Cut what is `wanted` out of the frames that lie at `place`, `batch` at once."""

    place: Any
    batch: int
    wanted: list[Wanted]


@dataclass(frozen=True, eq=False)
class MakeMasks:
    """Make a mask for each of `(N, 4)` boxes of one `(H, W, 3)` uint8 BGR picture."""

    image: Image
    boxes_xyxy: FloatArray


@dataclass(frozen=True)
class Failed:
    """What the models raised, and where."""

    error: Exception
    trace: str


@dataclass(frozen=True)
class Hello:
    """What a run over a video must know of the models that workers have, see `VideoModels`."""

    categories: Mapping[int, str]
    checkpoint_hashes: dict[str, str]
    batch: int
    settings: dict[str, Any]


class StretchWork:
    """A worker's models, and what it does with them: stretch after stretch, in two threads.

    On a GPU one stretch is detected while another is cut out; on a CPU one thread waits for the other.
    """

    def __init__(self, make: Callable[[], Segmenter]) -> None:
        """Load the models."""
        self._segmenter = make()
        self._models: dict[bool, StretchModels] = {}
        device = self._segmenter.sam.device
        self._detecting, self._cutting = Lane(device, is_urgent=True), Lane(device)
        self._lock = threading.Lock()
        self._cutting_lock = threading.Lock() if device.type == "cuda" else self._lock

    def hello(self) -> Hello:
        """What is to be known of the models."""
        segmenter = self._segmenter
        return Hello(
            dict(segmenter.categories),
            segmenter.checkpoint_hashes,
            segmenter.batch,
            segmenter.settings(for_video=True),
        )

    def __call__(self, task: Detect | Cut | MakeMasks) -> Any:
        """What comes of a task; an error comes as such, so that it can be raised in its place."""
        try:
            return self._done(task)
        except Exception as error:
            return Failed(error, traceback.format_exc())

    def _done(self, task: Detect | Cut | MakeMasks) -> list[Detections] | list[CutOut] | Masks:
        if isinstance(task, MakeMasks):
            with self._cutting_lock, self._cutting():
                return masks_of(self._segmenter.sam, task.image, task.boxes_xyxy)
        frames: list[Frame] = the_ray().get(task.place)
        if isinstance(task, Detect):
            with self._lock, self._detecting():
                return self._stretch_models(task.with_looks).detect(frames, task.batch)
        with self._cutting_lock, self._cutting():
            return self._stretch_models(False).cut_out(frames, task.wanted, task.batch)

    def _stretch_models(self, with_looks: bool) -> StretchModels:
        if with_looks not in self._models:
            self._models[with_looks] = self._segmenter.stretch_models(with_looks)
        return self._models[with_looks]
