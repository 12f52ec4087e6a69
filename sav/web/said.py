"""What a visitor is told: one line, how far the work is, and what is to be shown."""

from __future__ import annotations

from dataclasses import dataclass

from sav.runs.events import Reached
from sav.web.result import Result
from sav.wording import count


@dataclass(frozen=True)
class Said:
    """What a visitor is told.

    Attributes:
        line: One line.
        share: How far the work is, 0 to 1; None where nobody knows.
        is_error: Whether something went wrong.
        result: What is to be shown; None leaves what is shown as it is.
        clears: Whether nothing is to be shown any more.
        at_work: Whether something takes the models for the visitor; None leaves that as it is.
    """

    line: str = ""
    share: float | None = None
    is_error: bool = False
    result: Result | None = None
    clears: bool = False
    at_work: bool | None = None


def selected(number: int) -> str:
    """How many objects are selected, and what comes of that."""
    return f"{number} selected: downloads have them alone" if number else "nothing is selected"


def how_far(reached: Reached) -> Said:
    """How far the models are."""
    if reached.total is None:
        return Said(f"{count(int(reached.position), reached.unit)} done")
    share = min(1.0, reached.position / max(1, reached.total))
    done = f"{reached.position:.0f} of {count(reached.total, reached.unit)}"
    return Said(done if reached.unit == "frame" else f"{share:.0%} of what has no name", share=share)
