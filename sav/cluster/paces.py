"""How much each worker has done, and how fast."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sav.cluster.worker import Whereabouts
from sav.wording import count

# Workers that are told of one by one.
_MOST_ALONE = 16
# Seconds for which what was said of all of them is said again: it takes as long as there are workers.
_FRESH = 0.5


@dataclass
class _Pace:
    worker: Whereabouts
    begun: float
    done: int = 0
    last: float = 0.0

    @property
    def rate(self) -> float:
        return self.done / max(self.last - self.begun, 1e-9)


class Paces:
    """What the workers of a run have done; one that came in place of another goes on with its number."""

    def __init__(self, unit: str) -> None:
        """Begin to count; `unit` is what is counted."""
        self._unit = unit
        self._begun = time.monotonic()
        self._paces: dict[int, _Pace] = {}
        self._said, self._said_at = "", -_FRESH

    def add(self, worker: Whereabouts | None, done: int) -> None:
        """A worker has done some."""
        if worker is not None:
            pace = self._paces.setdefault(worker.number, _Pace(worker, self._begun))
            pace.worker, pace.done, pace.last = worker, pace.done + done, time.monotonic()

    def __str__(self) -> str:
        now = time.monotonic()
        if now - self._said_at >= _FRESH:
            self._said, self._said_at = self._of_all(), now
        return self._said

    def lines(self) -> list[str]:
        """What is to be said of each at the end; of very many, of all together."""
        if len(self._paces) > _MOST_ALONE:
            return [self._of_all()]
        return [
            f"worker {number + 1} ({pace.worker}): {count(pace.done, self._unit)}, {pace.rate:.3g} a second"
            for number, pace in sorted(self._paces.items())
        ]

    def _of_all(self) -> str:
        rates = sorted(pace.rate for pace in self._paces.values())
        if not rates:
            return ""
        return f"{count(len(rates), 'worker')}, {rates[0]:.2g} to {rates[-1]:.2g} a second each"
