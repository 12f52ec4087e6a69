"""Scenes refined: the boxes that are filled in get masks, and every scene waits until it is put right."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import BoolArray, Detections, FloatArray, Image
from sav.stages.refine.config import RefineConfig
from sav.stages.refine.frames import RefinedFrame, TrackedFrame
from sav.stages.refine.refiner import Refiner
from sav.trackers.camera_motion import CameraMotion

# A filled-in mask of which this share lies on objects that were seen is one of those: its own is behind.
_HIDDEN = 0.5

MaskMaker = Callable[[Image, FloatArray], Masks]


class SceneRefiner:
    """Refines the scenes of one video, up to two seconds after they came; till then they are in memory.

    An object keeps the mask that it has. One that was not tracked in a frame gets one by its box, less what
    objects that were seen cover; if they cover half of it, it is hidden there, and left out.
    """

    def __init__(self, masks: MaskMaker, *, frame_rate: float, config: RefineConfig | None = None) -> None:
        """Begin.

        Args:
            masks: Gives a mask for each of `(N, 4)` boxes, in pixels of a picture `(H, W, 3)` uint8 BGR.
            frame_rate: Frames per second.
            config: How to refine.
        """
        self._masks = masks
        self._refiner = Refiner(config, frame_rate=frame_rate)
        self._camera = CameraMotion()
        self._waiting: deque[Scene] = deque()

    def add(self, scene: Scene) -> Iterator[Scene]:
        """Take the next scene; those that are ready, in order."""
        self._waiting.append(scene)
        warp = self._camera.estimate(scene.frame.image)
        boxes = Detections(scene.boxes_xyxy, scene.scores, scene.class_ids)
        tracked = TrackedFrame(float(scene.frame.time), scene.track_ids, boxes, scene.candidates, warp)
        return map(self._refined, self._refiner.add(tracked))

    def finish(self) -> Iterator[Scene]:
        """The scenes that are left, after the last."""
        return map(self._refined, self._refiner.finish())

    def _refined(self, refined: RefinedFrame) -> Scene:
        """The next scene that waits, with what is known of it now."""
        scene = self._waiting.popleft()
        boxes, is_inside = _in_picture(refined.boxes.boxes_xyxy, scene.size_hw)
        found, ids, rows = refined.boxes[is_inside], refined.ids[is_inside], refined.rows[is_inside]
        boxes, is_old = boxes[is_inside], rows >= 0

        old = scene.masks[rows[is_old]]
        tables = [Instances(boxes[is_old], found.scores[is_old], found.class_ids[is_old], ids[is_old], old)]
        if not is_old.all():
            new = self._masks(scene.frame.image, boxes[~is_old])
            filled = found[~is_old]
            table = Instances(boxes[~is_old], filled.scores, filled.class_ids, ids[~is_old], new)
            tables.append(_in_view(table, old))
        objects = Instances.concatenate(scene.size_hw, tables)
        objects = objects[np.argsort(objects.ids)]

        left = scene.regions.masks.without(objects.masks.union())
        regions = Instances.unlabelled(left, scene.regions.scores, scene.regions.ids)
        return replace(scene, objects=objects, regions=regions)


@dataclass(frozen=True)
class Step:
    """What happens next in a run that is refined.

    Attributes:
        found: A scene as it was found; None if this step only hands out one that waited.
        shown: A scene that is ready to be shown; None if it has to wait.
    """

    found: Scene | None
    shown: Scene | None


def steps(scenes: Iterator[Scene], refiner: SceneRefiner | None) -> Iterator[Step]:
    """Go through scenes as they are found, and, with a `refiner` later, as they are shown.

    What waits is handed out also where an error ends the scenes.
    """
    with closing(scenes):  # type: ignore[type-var]
        if refiner is None:
            yield from (Step(scene, scene) for scene in scenes)
            return
        try:
            for scene in scenes:
                yield Step(scene, None)
                yield from _ready(refiner.add(scene))
        except Exception:
            yield from _ready(refiner.finish())
            raise
        yield from _ready(refiner.finish())


def refined(scenes: Iterator[Scene], refiner: SceneRefiner) -> Iterator[Scene]:
    """The scenes as they are shown."""
    with closing(steps(scenes, refiner)) as run:  # type: ignore[type-var]
        yield from (step.shown for step in run if step.shown is not None)


def _ready(scenes: Iterable[Scene]) -> Iterator[Step]:
    return (Step(None, scene) for scene in scenes)


def _in_picture(boxes_xyxy: FloatArray, size_hw: tuple[int, int]) -> tuple[FloatArray, BoolArray]:
    """Boxes without what lies outside the picture, and whether anything is left of each."""
    height, width = size_hw
    clipped = np.clip(boxes_xyxy, 0, np.array([width, height, width, height], np.float32))
    return clipped, np.asarray((clipped[:, 2:] > clipped[:, :2]).all(1), np.bool_)


def _in_view(filled: Instances, seen: Masks) -> Instances:
    """What is filled in without the pixels of what was seen, and without what that hides."""
    covered = seen.union()
    is_hidden = filled.masks.areas_inside(covered) >= _HIDDEN * np.maximum(filled.masks.areas, 1)
    left = filled[~is_hidden]
    return replace(left, masks=left.masks.without(covered))
