"""Drawing a frame of 20 tracked instances at 1080p: tint, box, id and name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.drawing import Painter
from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.inputs import Picture, ellipses, random_boxes, resized_picture
from tools.bench.options import Options

REFERENCE = "supervision's MaskAnnotator, BoxAnnotator and LabelAnnotator"
INSTANCES = 20
_LEAST_SHARE = 0.99


def cases(options: Options) -> list[Case]:
    return [Case(f"{INSTANCES} instances", count=INSTANCES, goals=(Goal("ours_ms", 10.0, at_least=False),))]


def make_scene(options: Options, count: int) -> Scene:
    """A frame with an ellipse in each of `count` random boxes."""
    boxes = random_boxes(count, options.size_hw)
    nothing = Instances.empty(options.size_hw)
    return Scene(
        frame=Frame(resized_picture(options, options.size_hw)),
        objects=Instances(
            boxes,
            np.full(count, 0.9, np.float32),
            np.arange(count, dtype=np.int64) % 2,
            np.arange(1, count + 1, dtype=np.int64),
            Masks.from_dense(ellipses(boxes, options.size_hw)),
        ),
        regions=nothing,
        categories={0: "person", 1: "bicycle"},
        everything=nothing,
        is_tracked=True,
    )


def ours(options: Options, case: Case) -> Task:
    scene = make_scene(options, case.count)
    painter = Painter()
    return Task(lambda: painter(_fresh(scene)), lambda drawn: _tinted(scene, drawn))


def _fresh(scene: Scene) -> Scene:
    """The scene without what it remembers of earlier drawing."""
    return scene[np.ones(len(scene), bool)]


def theirs(options: Options, case: Case) -> Task:
    scene = make_scene(options, case.count)
    image, annotate = scene.frame.image, _annotator(scene)
    return Task(lambda: annotate(image.copy()), lambda drawn: _tinted(scene, drawn))


def _annotator(scene: Scene) -> Callable[[Picture], Picture]:
    import supervision

    detections = scene.to_supervision()
    mask, box = supervision.MaskAnnotator(), supervision.BoxAnnotator()
    label = supervision.LabelAnnotator()
    texts = [f"Id {number} {name}" for number, name in zip(scene.track_ids, scene.class_names, strict=True)]

    def annotate(image: Picture) -> Picture:
        drawn = box.annotate(mask.annotate(image, detections), detections)
        return label.annotate(drawn, detections, labels=texts)

    return annotate


def _tinted(scene: Scene, drawn: Picture) -> float:
    """The share of the objects' pixels that were changed."""
    changed = (drawn != scene.frame.image).any(axis=-1)
    return float(changed[scene.masks.union()].mean())


def agreement(ours: float, theirs: float) -> Agreement:
    how = f"of the objects' pixels {ours:.1%} and {theirs:.1%} are tinted; the looks differ"
    return Agreement(min(ours, theirs) >= _LEAST_SHARE, how)


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {}
