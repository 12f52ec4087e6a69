"""What a run tells while it is at work; whoever starts it decides what becomes of that: a bar, a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sav.runs.report import Report, VideosReport


@dataclass(frozen=True)
class Reached:
    """How far the run is.

    Attributes:
        position: Pictures or frames done; may be within one.
        total: How many there will be; None if nobody knows.
        unit: "picture", "frame" or "video".
        name: What is being worked on, if that has a name.
        before: How much of `position` earlier runs did, which says nothing about the pace of this one.
    """

    position: float
    total: int | None
    unit: str
    name: str = ""
    before: float = 0


@dataclass(frozen=True)
class Problem:
    """Something could not be done; the run goes on with the rest."""

    line: str


@dataclass(frozen=True)
class Note:
    """Something worth knowing that is no error."""

    line: str


@dataclass(frozen=True)
class Saved:
    """All files are in place; the models may still be in the middle of what nobody wants any more."""

    report: Report | VideosReport


Event: TypeAlias = Reached | Problem | Note | Saved
OnEvent: TypeAlias = Callable[[Event], None]
"""Is called from the thread that the run was started in, and with `Reached` from others, too."""


def ignore(event: Event) -> None:
    """Tell nobody."""
