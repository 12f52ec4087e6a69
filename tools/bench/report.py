"""Rows: what was measured of a case, as lines of a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from tools.bench.case import Agreement, Case, Goal
from tools.bench.measure import Sample


@dataclass(frozen=True)
class Measured:
    """One side of a row: seconds a run and, at most, MiB.

    `growth_mib` is what the run took beyond the resident memory before it: models and libraries were loaded
    by then, unless the run is a process of its own.
    """

    seconds: tuple[float, ...]
    peak_mib: float
    growth_mib: float
    gpu_mib: float

    @classmethod
    def of(cls, samples: Sequence[Sample], warm_ups: int) -> Measured:
        """The times without the warm-ups, the memory with them."""
        return cls(
            tuple(sample.seconds for sample in samples[warm_ups:]),
            max(sample.peak_mib for sample in samples),
            max(sample.growth_mib for sample in samples),
            max(sample.gpu_mib for sample in samples),
        )

    @property
    def median(self) -> float:
        """Seconds a run."""
        return median(self.seconds)


@dataclass(frozen=True)
class Row:
    """One case, measured.

    Attributes:
        stage: The stage it belongs to.
        case: Its name there.
        reference: What ours is compared with.
        ours: Our side.
        theirs: The reference; None if it was not run.
        agreement: Whether the results agree; None if there is nothing to compare.
        figures: What follows from it, by name.
        goals: What is wanted of the figures.
        problem: Why the reference, or all of it, is missing.
    """

    stage: str
    case: str
    reference: str
    ours: Measured
    theirs: Measured | None
    agreement: Agreement | None
    figures: dict[str, float]
    goals: tuple[Goal, ...]
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it was measured and the results agree."""
        return bool(self.ours.seconds) and (self.agreement is None or self.agreement.agrees)

    def with_figures(self, figures: dict[str, float]) -> Row:
        """The row with more figures."""
        return replace(self, figures={**self.figures, **figures})


def make_row(
    stage: str,
    reference: str,
    case: Case,
    samples: Sequence[Sequence[Sample]],
    warm_ups: int,
    agreement: Agreement | None,
) -> Row:
    """A row with the figures that every row has."""
    ours, *others = (Measured.of(taken, warm_ups) for taken in samples)
    theirs = others[0] if others else None
    figures = {"ours_ms": 1000 * ours.median}
    if theirs:
        figures["times_faster"] = theirs.median / ours.median
        memory = (ours.gpu_mib, theirs.gpu_mib) if ours.gpu_mib else (ours.growth_mib, theirs.growth_mib)
        figures["memory_share"] = memory[0] / max(memory[1], 1e-9)
    return Row(stage, case.name, reference, ours, theirs, agreement, figures, case.goals, case.skipped)


def failed_row(stage: str, case: Case, problem: str) -> Row:
    """A row of a case that could not be measured."""
    return Row(stage, case.name, "", Measured((), 0, 0, 0), None, None, {}, (), problem)


def lines(row: Row) -> str:
    """The row as it is printed."""
    if not row.ours.seconds:
        return f"{row.stage:<12}{row.case:<26}failed: {last_line(row.problem)}"
    first = f"{row.stage:<12}{row.case:<26}{_times(row.ours):>28}"
    if row.theirs:
        first += f"{_times(row.theirs):>30}{row.figures['times_faster']:>9.2f}x"
    notes = [f"not compared: {row.problem}" if row.problem else f"against {row.reference}"]
    if row.agreement:
        notes.append(("" if row.agreement.agrees else "DOES NOT AGREE: ") + row.agreement.how)
    notes += [_memory(row), *_figures(row), *(_goal(goal, row.figures) for goal in row.goals)]
    return "\n".join([first, *(f"{'':<12}{note}" for note in notes)])


def last_line(problem: str) -> str:
    """What a traceback, or another long message, ends with."""
    told = [line.strip() for line in problem.splitlines() if line.strip()]
    return told[-1][:300] if told else ""


HEADING = f"{'stage':<12}{'case':<26}{'ours, ms: median (min-max)':>28}{'reference, ms':>30}{'faster':>10}"
_ALWAYS = ("ours_ms", "times_faster", "memory_share")


def _times(side: Measured) -> str:
    middle, least, most = (1000 * value for value in (side.median, min(side.seconds), max(side.seconds)))
    digits = 0 if middle >= 1000 else 2
    return f"{middle:.{digits}f} ({least:.{digits}f}-{most:.{digits}f}) /{len(side.seconds)}"


def _memory(row: Row) -> str:
    sides = [side for side in (row.ours, row.theirs) if side]
    text = "resident memory: peak " + " / ".join(f"{side.peak_mib:.0f}" for side in sides) + " MiB"
    text += ", in the run alone " + " / ".join(f"{side.growth_mib:.0f}" for side in sides) + " MiB"
    if any(side.gpu_mib for side in sides):
        text += "; GPU: peak " + " / ".join(f"{side.gpu_mib:.0f}" for side in sides) + " MiB"
    return text


def _figures(row: Row) -> list[str]:
    extra = {name: value for name, value in row.figures.items() if name not in _ALWAYS}
    return [", ".join(f"{name} {value:.4g}" for name, value in extra.items())] if extra else []


def _goal(goal: Goal, figures: dict[str, float]) -> str:
    wanted = f"goal: {goal.figure} {'>=' if goal.at_least else '<='} {goal.limit:g}"
    if goal.figure not in figures:
        return f"{wanted}: not measured"
    value = figures[goal.figure]
    return f"{wanted}: {'reached' if goal.is_met(value) else 'MISSED'}, {value:.4g}"


def write_json(path: Path, heading: dict[str, Any], rows: Sequence[Row]) -> None:
    """Write all rows so far, whole or not at all."""
    text = json.dumps({**heading, "rows": [asdict(row) for row in rows]}, indent=1, default=str) + "\n"
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
