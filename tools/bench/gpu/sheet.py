"""Rows of figures, written down as they come: a run that is cut off keeps what it has."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.bench.case import Goal

_HEADING = "| what | measured | reference | wanted | |\n|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Figure:
    """A row.

    Attributes:
        name: What was measured.
        value: How much it was; None if it was not measured, and `note` says why.
        unit: Of the value and of the reference.
        goal: What is wanted of the value.
        reference: What upstream's way gave in the same run; None where it was not run.
        note: What else there is to say.
    """

    name: str
    value: float | None = None
    unit: str = ""
    goal: Goal | None = None
    reference: float | None = None
    note: str = ""

    @property
    def wanted(self) -> str:
        """The goal in words, with `missed` where it is."""
        if self.goal is None:
            return ""
        words = f"at {'least' if self.goal.at_least else 'most'} {self.goal.limit:g}"
        is_missed = self.value is not None and not self.goal.is_met(self.value)
        return f"{words}, **missed**" if is_missed else words

    def line(self) -> str:
        """As a line of a Markdown table."""
        cells = [self.name, self._told(self.value), self._told(self.reference), self.wanted, self.note]
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"

    def _told(self, value: float | None) -> str:
        return "" if value is None else f"{_rounded(value)} {self.unit}".strip()


def _rounded(value: float) -> str:
    """With four digits, or all of them before the point."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class Sheet:
    """The rows of a run: `rows.jsonl` and `rows.md` in a folder, and on the screen."""

    def __init__(self, folder: Path) -> None:
        """Begin both files anew."""
        folder.mkdir(parents=True, exist_ok=True)
        self._json, self._table = folder / "rows.jsonl", folder / "rows.md"
        self._begun = time.monotonic()
        self._json.write_text("")
        self._table.write_text(_HEADING)
        print(_HEADING, end="", flush=True)

    def add(self, stage: str, figure: Figure) -> None:
        """Write one row of a stage down."""
        row = {"stage": stage, "at_s": round(time.monotonic() - self._begun, 1), **asdict(figure)}
        for path, line in ((self._json, json.dumps(row)), (self._table, figure.line())):
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        print(figure.line(), flush=True)
