"""Everything that SAM finds by itself in one picture, from the pixels to the masks."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.stages import everything

_GOAL = Goal("ms", 100.0, at_least=False)


def figures(lab: Lab) -> Iterator[Figure]:
    case = everything.cases(lab.options)[0]
    task = everything.ours(lab.options, case)
    masks = task.run()
    yield Figure(
        f"everything, {lab.name_of(lab.large)}, {lab.options.points}x{lab.options.points} points",
        1000 * lab.seconds(task.run),
        "ms",
        _GOAL,
        note=f"{lab.options.picture.name}, {len(masks)} masks",
    )
