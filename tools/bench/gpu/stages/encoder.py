"""SAM's image encoder, eager: milliseconds a picture and the share of the device's bfloat16 rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.measure import matrix_rate
from tools.bench.stages.encoder import FLOP


def figures(lab: Lab) -> Iterator[Figure]:
    limit = matrix_rate(lab.device, torch.bfloat16)
    yield Figure("product of large matrices, bfloat16", limit, "TFLOP/s")

    theirs = lab.their_sam().image_encoder
    with torch.inference_mode():
        pixels = torch.randn(1, 3, theirs.img_size, theirs.img_size, device=lab.device)
        reference = 1000 * lab.seconds(partial(theirs, pixels))
    yield from encoding(lab, lab.sam().encoder, "eager", limit, Goal("share", 0.6), reference)


def encoding(
    lab: Lab, encoder: Callable[[Any], Any], how: str, limit: float, goal: Goal, reference: float | None
) -> Iterator[Figure]:
    """A row for each batch, and one for the best share of the limit."""
    name, side = lab.name_of(lab.large), lab.sam().encoder.side
    shares = []
    for batch in lab.options.batches:
        with torch.inference_mode():
            pixels = torch.randn(batch, 3, side, side, device=lab.device)
            seconds = lab.seconds(partial(encoder, pixels)) / batch
        rate = FLOP.get(lab.large, 0.0) / seconds / 1e12
        shares.append(rate / limit)
        note = f"{1 / seconds:.0f} pictures/s, {rate:.0f} TFLOP/s, share {rate / limit:.2f}"
        yield Figure(
            f"encoder {name}, {how}, batch {batch}", 1000 * seconds, "ms a picture", None, reference, note
        )
        reference = None
    yield Figure(f"encoder {name}, {how}: share of the measured rate", max(shares), "", goal)
