"""Whole scripts, run once under observation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tools.bench.gpu.lab import Lab


@dataclass(frozen=True)
class Run:
    """What a run was seen to do.

    Attributes:
        seconds: From the command to its end.
        report: The observer's, see `tools.bench.observed`.
    """

    seconds: float
    report: dict[str, float]

    @property
    def start_parts(self) -> str:
        """The start in its parts, in words."""
        parts = {
            "before loading": "before_loading_s",
            "loading": "loading_s",
            "then": "after_loading_s",
        }
        return ", ".join(f"{what} {self.report[key]:.1f} s" for what, key in parts.items())


def observed(lab: Lab, script: str, run: Callable[[], Any]) -> Run:
    """Run a script with `our_script`'s task, and read what was observed."""
    begun = time.perf_counter()
    run()
    seconds = time.perf_counter() - begun
    return Run(seconds, json.loads((lab.options.folder / f"{script}.json").read_text()))
