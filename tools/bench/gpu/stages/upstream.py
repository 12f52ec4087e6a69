"""Upstream's "everything", once: some twenty seconds, in float32."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.stages import everything


def figures(lab: Lab) -> Iterator[Figure]:
    case = everything.cases(lab.options)[0]
    task = everything.theirs(lab.options, case)
    yield Figure(
        f"upstream's everything, {lab.name_of(lab.large)}, {lab.options.points}x{lab.options.points} points",
        1000 * lab.once(task.run),
        "ms",
        note="SamAutomaticMaskGenerator, float32, one turn",
    )
