"""The two sides of a case take turns, so that whatever slows the machine slows both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Any, Protocol

from tools.bench.case import Case
from tools.bench.measure import Sample
from tools.bench.options import Options
from tools.bench.report import Row, failed_row, make_row
from tools.bench.worker import OURS, THEIRS, Side, SideError, stage_module

# A first run of both sides that takes longer than this many seconds is no warm-up: it counts.
LONG = 30.0


class Answering(Protocol):
    """A `Side`, or what answers like one."""

    def begin(self, method: str, *arguments: Any) -> None: ...
    def finish(self) -> Any: ...


def rows_of(stage: str, options: Options, hardware: dict[str, Any]) -> Iterator[Row]:
    """The rows of one stage, each as soon as it is measured; a case that fails does not end the stage."""
    with ExitStack() as stack:
        sides: list[Side] = []
        for case in stage_module(stage).cases(options):
            if not sides:
                sides = [stack.enter_context(closing(Side(stage, side, options))) for side in (OURS, THEIRS)]
            try:
                yield measure_row(stage, case, sides, options, hardware)
            except SideError as error:
                yield failed_row(stage, case, str(error))
                stack.close()
                sides = []


def measure_row(
    stage: str, case: Case, sides: Sequence[Answering], options: Options, hardware: dict[str, Any]
) -> Row:
    """Measure one case on both sides and compare what they gave."""
    module = stage_module(stage)
    sides = sides[:1] if case.skipped else sides
    for side in sides:  # one after the other: the first one makes what both need
        side.begin("prepare", case)
        side.finish()
    samples, warm_ups = take_turns(sides, options)
    for side in sides:
        side.begin("evidence")
    evidence = [side.finish() for side in sides]
    agreement = None if case.skipped else module.agreement(*evidence)
    row = make_row(stage, case.reference or module.REFERENCE, case, samples, warm_ups, agreement)
    return row.with_figures(module.figures(case, row.ours.median, evidence[0], hardware))


def take_turns(sides: Sequence[Answering], options: Options) -> tuple[list[list[Sample]], int]:
    """Samples of each side, A B A B, as many as were asked for and fit; how many at first are warm-ups."""
    taken: list[list[Sample]] = [[] for _ in sides]

    def turn() -> float:
        for side, samples in zip(sides, taken, strict=True):
            side.begin("run")
            samples.append(side.finish())
        return sum(samples[-1].seconds for samples in taken)

    seconds = turn()
    warm_ups = 0 if seconds > LONG else 1
    wanted = min(options.repeats, int(options.budget / max(seconds, 1e-6)) + 1 - warm_ups)
    for _ in range(max(wanted, 1) + warm_ups - 1):
        turn()
    return taken, warm_ups
