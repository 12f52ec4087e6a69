"""Box prompts on a 1080p picture whose embedding is there already."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sav.data.masks import Masks
from tools.bench.agreement import agree, as_masks
from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.inputs import random_boxes, resized_picture
from tools.bench.models import label, our_sam, precisions, their_sam
from tools.bench.options import Options

REFERENCE = "SamPredictor.predict_torch, float32"
_GOALS = {100: (Goal("times_faster", 3.0), Goal("memory_share", 0.25, at_least=False))}


def cases(options: Options) -> list[Case]:
    model = options.models[0]
    return [
        Case(f"{label(model)}, {count} boxes", model, count, _GOALS.get(count, ())) for count in options.boxes
    ]


def ours(options: Options, case: Case) -> Task:
    picture, boxes = resized_picture(options, options.size_hw), random_boxes(case.count, options.size_hw)
    timed, *others = precisions(options)
    model = our_sam(options, case.model, timed)
    embedding = model.embed([picture])[0]

    def evidence(masks: Masks) -> dict[str, Masks]:
        found = {timed: masks}
        for precision in others:
            exact = our_sam(options, case.model, precision)
            found[precision] = exact.masks_from_boxes(exact.embed([picture])[0], boxes)
        return found

    return Task(lambda: model.masks_from_boxes(embedding, boxes), evidence)


def theirs(options: Options, case: Case) -> Task:
    from segment_anything import SamPredictor

    predictor = SamPredictor(their_sam(options, case.model))
    predictor.set_image(np.ascontiguousarray(resized_picture(options, options.size_hw)[..., ::-1]))
    boxes = torch.as_tensor(random_boxes(case.count, options.size_hw), device=predictor.device)

    def run() -> Any:
        scaled = predictor.transform.apply_boxes_torch(boxes, options.size_hw)
        masks, _, _ = predictor.predict_torch(None, None, scaled, multimask_output=False)
        return masks.cpu().numpy()

    return Task(run, lambda masks: as_masks(masks[:, 0]))


def agreement(ours: Any, theirs: Any) -> Agreement:
    return agree(ours, theirs)


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"ms_per_box": 1000 * seconds / case.count}
