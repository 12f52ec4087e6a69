"""What a stage is made of: cases, a task for each side of a case, goals, and whether the results agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a figure of a row should reach."""

    figure: str
    limit: float
    at_least: bool = True

    def is_met(self, value: float) -> bool:
        """Whether `value` is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Case:
    """One row: a piece of work that both sides do.

    Attributes:
        name: What the table calls it.
        model: The SAM, as `Options.models` has it.
        count: How many pictures, boxes or objects.
        goals: What is wanted of the row's figures.
        reference: What ours is compared with, if that is not what the stage says.
        skipped: Why the reference is not run; empty if it is.
    """

    name: str
    model: str = ""
    count: int = 0
    goals: tuple[Goal, ...] = ()
    reference: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Task:
    """One side of a case, ready to run.

    Attributes:
        run: The work that is timed.
        evidence: Makes of its result what the sides are compared by; not timed.
    """

    run: Callable[[], Any]
    evidence: Callable[[Any], Any] = field(default=lambda result: result)


@dataclass(frozen=True)
class Agreement:
    """Whether both sides did the same work, and how that was found."""

    agrees: bool
    how: str
