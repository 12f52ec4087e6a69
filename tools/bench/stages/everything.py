"""Everything that SAM finds by itself in one picture, from the pixels to the masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from sav.config import EverythingConfig
from sav.data.masks import Masks
from sav.sam.conventions import FirstConvention
from sav.sam.everything import segment_everything
from sav.sam.model import SamModel
from tools.bench.agreement import agree, as_masks
from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.inputs import read_picture
from tools.bench.models import label, our_sam, precisions, their_sam
from tools.bench.options import SIZES, Options

REFERENCE = "SamAutomaticMaskGenerator with the same thresholds, float32"


def cases(options: Options) -> list[Case]:
    points = f"{options.points}x{options.points} points"
    return [
        Case(f"{label(model)}, {points}", model, goals=_goals(options, model)) for model in options.models
    ]


def _goals(options: Options, model: str) -> tuple[Goal, ...]:
    if options.on_gpu:
        return (Goal("ours_ms", 100.0, at_least=False),) if model == "h" else ()
    return (Goal("times_faster", 10.0),) if model == "b" else ()


def _config(options: Options, model: str) -> EverythingConfig:
    """The defaults, but masks of random weights all span the picture: suppression would leave one of them."""
    if model in SIZES:
        return EverythingConfig(options.points, nms_threshold=1.1)
    return EverythingConfig(options.points)


def ours(options: Options, case: Case) -> Task:
    picture, config = read_picture(options.picture), _config(options, case.model)
    timed, *others = precisions(options)
    model = our_sam(options, case.model, timed)

    def run(model: SamModel = model) -> Masks:
        return segment_everything(model, model.embed([picture])[0], config).masks

    if options.on_gpu:  # where kernels are compiled while others work
        run()
        model.finish_compiling()

    def evidence(masks: Masks) -> dict[str, Masks]:
        return {timed: masks} | {other: run(our_sam(options, case.model, other)) for other in others}

    return Task(run, evidence)


def theirs(options: Options, case: Case) -> Task:
    from segment_anything import SamAutomaticMaskGenerator

    picture = np.ascontiguousarray(read_picture(options.picture)[..., ::-1])
    config = _config(options, case.model)
    generator = SamAutomaticMaskGenerator(
        their_sam(options, case.model),
        points_per_side=config.points_per_side,
        points_per_batch=config.points_per_batch,
        pred_iou_thresh=FirstConvention.predicted_iou_threshold,
        stability_score_thresh=config.stability_threshold,
        stability_score_offset=config.stability_offset,
        box_nms_thresh=config.nms_threshold,
    )

    def evidence(found: Any) -> Masks:
        stack = [one["segmentation"] for one in found] or np.zeros((0, *picture.shape[:2]), bool)
        return as_masks(stack)

    return Task(lambda: generator.generate(picture), evidence)


def agreement(ours: Any, theirs: Any) -> Agreement:
    return agree(ours, theirs, in_order=False)


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"masks": len(next(iter(evidence.values())))}
