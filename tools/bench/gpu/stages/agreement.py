"""Whether masks on the GPU are what they should be: float32's upstream's, all others nearly those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from tools.bench.agreement import LEAST_IOU, as_masks, best_ious, ious
from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.boxes import reference
from tools.bench.inputs import random_boxes
from tools.bench.stages import everything

_GOAL = Goal("IoU", LEAST_IOU)
_BOXES, _POINTS = 50, 16


def figures(lab: Lab) -> Iterator[Figure]:
    for sam in dict.fromkeys((lab.medium, lab.large)):
        exact, fast = (_of_boxes(lab, sam, precision) for precision in ("float32", lab.options.precision))
        name = f"{lab.name_of(sam)}, {_BOXES} boxes at 1080p"
        if sam == lab.medium:
            theirs = as_masks(reference(lab, sam)(_BOXES))
            yield _same(f"{name}: float32's masks that are SamPredictor's to the last pixel", exact, theirs)
        yield Figure(f"{name}: mean IoU with float32", _mean(ious(fast, exact)), "", _GOAL)

    options = replace(lab.options, points=min(_POINTS, lab.options.points), models=(lab.medium,))
    case = everything.cases(options)[0]
    fast, exact = (
        everything.ours(replace(options, precision=precision), case).run()
        for precision in (options.precision, "float32")
    )
    name = f"{lab.name_of(lab.medium)}, everything, {options.points}x{options.points} points"
    task = everything.theirs(options, case)
    yield _same(
        f"{name}: float32's masks that are upstream's to the last pixel", exact, task.evidence(task.run())
    )
    told = f"{len(fast)} and {len(exact)} masks"
    yield Figure(f"{name}: mean IoU with float32", _mean(best_ious(fast, exact)), "", _GOAL, note=told)


def _of_boxes(lab: Lab, sam: str, precision: str) -> Masks:
    model = lab.sam(sam, precision)
    return model.masks_from_boxes(model.embed([lab.picture])[0], random_boxes(_BOXES, lab.options.size_hw))


def _mean(overlaps: NDArray[np.float64]) -> float | None:
    return float(overlaps.mean()) if len(overlaps) else None


def _same(name: str, ours: Masks, theirs: Masks) -> Figure:
    """The share of our masks that theirs have, too."""
    if len(ours) != len(theirs):
        return Figure(name, 0.0, "%", note=f"{len(ours)} masks, and {len(theirs)} of theirs")
    count = int((best_ious(ours, theirs) == 1).sum()) / 2
    share = 100 * count / max(1, len(ours)) if len(ours) else 100.0
    return Figure(name, share, "%", Goal("share", 100.0), note=f"of {len(ours)}")
