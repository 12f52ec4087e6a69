"""SAM's image encoder, compiled: it comes late, since compiling takes a minute."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from sav.device import choose_precision
from sav.sam.load import load_sam
from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.encoder import encoding
from tools.bench.measure import matrix_rate
from tools.bench.models import sam_checkpoint


def figures(lab: Lab) -> Iterator[Figure]:
    if lab.device.type != "cuda":
        yield Figure("encoder, compiled", note="not measured: no GPU")
        return
    begun = time.perf_counter()
    checkpoint = sam_checkpoint(lab.options, lab.large)
    model = load_sam(checkpoint, lab.device, choose_precision(lab.options.precision, lab.device), True)
    seconds = time.perf_counter() - begun
    yield Figure(f"loading and compiling {lab.name_of(lab.large)}", seconds, "s")
    limit = matrix_rate(lab.device, torch.bfloat16)
    yield from encoding(lab, model.encoder, "compiled", limit, Goal("share", 0.6), None)
