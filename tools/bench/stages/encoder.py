"""SAM's image encoder on batches of square pictures, in the precision of the scripts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tools.bench.agreement import agree, as_masks
from tools.bench.case import Agreement, Case, Goal, Task
from tools.bench.inputs import random_boxes, resized_picture
from tools.bench.models import label, our_sam, their_sam
from tools.bench.options import Options

REFERENCE = "segment_anything's image_encoder, float32"
# Floating-point operations an image, both of a multiply-add counted.
FLOP = {"b": 0.97e12, "l": 2.99e12, "h": 5.96e12}
_WIDTHS = {"b": 12, "l": 16, "h": 16}
_GIB_A_HEAD = 3 * 4096**2 * 4 / 2**30
_PROMPTS = 16


def cases(options: Options) -> list[Case]:
    return [
        Case(
            f"{label(model)}, batch {batch}",
            model,
            batch,
            _goals(options, model, batch),
            skipped=_too_large(options, model, batch),
        )
        for model in options.models
        for batch in options.batches
    ]


def _goals(options: Options, model: str, batch: int) -> tuple[Goal, ...]:
    if options.on_gpu:
        return (Goal("share_of_limit", 0.6),) if model == "h" and batch == max(options.batches) else ()
    return (Goal("times_faster", 3.0),) if model == "b" else ()


def _too_large(options: Options, model: str, batch: int) -> str:
    """Upstream makes the score matrix of global attention three times over, in float32."""
    needed = _WIDTHS.get(model, 0) * batch * _GIB_A_HEAD
    free = _free_gib(options)
    return f"the reference needs about {needed:.0f} GiB, {free:.0f} are free" if needed > 0.8 * free else ""


def _free_gib(options: Options) -> float:
    if options.on_gpu:
        return torch.cuda.mem_get_info(options.device)[0] / 2**30
    import psutil

    return psutil.virtual_memory().available / 2**30


def _pictures(options: Options, side: int, count: int) -> list[Any]:
    picture = resized_picture(options, (side, side))
    return [np.roll(picture, 37 * shift, axis=1) for shift in range(count)]


def ours(options: Options, case: Case) -> Task:
    model = our_sam(options, case.model, options.precision)
    pictures = _pictures(options, model.sam.image_encoder.img_size, case.count)
    boxes = random_boxes(_PROMPTS, pictures[0].shape[:2])
    return Task(
        lambda: model.embed(pictures),
        lambda found: {"this precision": model.masks_from_boxes(found[-1], boxes)},
    )


def theirs(options: Options, case: Case) -> Task:
    from segment_anything import SamPredictor

    sam = their_sam(options, case.model)
    pictures = _pictures(options, sam.image_encoder.img_size, case.count)
    size_hw = pictures[0].shape[:2]
    predictor = SamPredictor(sam)

    @torch.no_grad()
    def run() -> Any:
        tensors = [torch.as_tensor(picture[..., ::-1].copy(), device=sam.device) for picture in pictures]
        return sam.image_encoder(torch.stack([sam.preprocess(one.permute(2, 0, 1)) for one in tensors]))

    def evidence(features: Any) -> Any:
        predictor.features, predictor.is_image_set = features[-1:], True
        predictor.original_size = predictor.input_size = size_hw
        boxes = torch.as_tensor(random_boxes(_PROMPTS, size_hw), device=sam.device)
        masks, _, _ = predictor.predict_torch(None, None, boxes, multimask_output=False)
        return as_masks(masks[:, 0].cpu())

    return Task(run, evidence)


def agreement(ours: Any, theirs: Any) -> Agreement:
    found = agree(ours, theirs)
    return Agreement(found.agrees, f"{found.how}, decoded from both encodings")


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    found = {"images_per_second": case.count / seconds}
    if case.model in FLOP:
        rate = case.count * FLOP[case.model] / seconds / 1e12
        limit = max(hardware["bfloat16_tflops"], hardware["float32_tflops"])
        found |= {"tflops": rate, "share_of_limit": rate / limit}
    return found
