"""Masks of boxes on a 1080p picture whose embedding is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from segment_anything import SamPredictor

from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.inputs import random_boxes

_GOALS = {1: Goal("ms", 3.0, at_least=False), 10: Goal("ms", 6.0, at_least=False)}


def figures(lab: Lab) -> Iterator[Figure]:
    size_hw, name = lab.options.size_hw, lab.name_of(lab.large)
    theirs = reference(lab)
    references = {count: 1000 * lab.seconds(partial(theirs, count)) for count in (1, 10)}
    model = lab.sam()
    embedding = model.embed([lab.picture])[0]
    for count in lab.options.boxes:  # many boxes have kernels, which are compiled beside the work
        model.masks_from_boxes(embedding, random_boxes(count, size_hw))
    model.finish_compiling()
    for count in lab.options.boxes:
        boxes = random_boxes(count, size_hw)
        seconds = lab.seconds(partial(model.masks_from_boxes, embedding, boxes))
        yield Figure(
            f"masks of {count} boxes, {name}, 1080p",
            1000 * seconds,
            "ms",
            _GOALS.get(count),
            references.get(count),
        )


def reference(lab: Lab, sam: str = "") -> Callable[[int], Any]:
    """Upstream's masks of so many boxes, as numpy, `(N, H, W)` bool."""
    predictor, size_hw = SamPredictor(lab.their_sam(sam)), lab.options.size_hw
    predictor.set_image(lab.picture[..., ::-1].copy())

    def masks(count: int) -> Any:
        boxes = torch.as_tensor(random_boxes(count, size_hw), device=predictor.device)
        scaled = predictor.transform.apply_boxes_torch(boxes, size_hw)
        return predictor.predict_torch(None, None, scaled, multimask_output=False)[0][:, 0].cpu().numpy()

    return masks
