"""What becomes of what is found in the pictures of a run: files, and what is told of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from sav.errors import ResultsError, SavError, WriteError
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import readable
from sav.runs.events import OnEvent, Problem
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.putting import Ready
from sav.runs.pictures.results import PictureResults
from sav.runs.report import Found, Report
from sav.runs.saving import reason
from sav.wording import count

_log = logging.getLogger(__name__)
# Seconds that what is ready waits for more to be put in place with.
_LONGEST = 0.5
Outcome = TypeVar("Outcome")


class PictureWriting(Generic[Outcome]):
    """Puts in place what comes of pictures, some at once, until the last, Ctrl-C, or another end of a run."""

    def __init__(
        self,
        plan: PicturePlan,
        results: PictureResults,
        make: Callable[[int, Outcome], Ready],
        found: Found,
        on_event: OnEvent,
        most: int = 1,
    ) -> None:
        """Go on from what an earlier run has found.

        Args:
            plan: The run.
            results: Its results.
            make: Makes a picture's files, given its position and what came of it.
            found: What an earlier run has found.
            on_event: Is told of what goes wrong.
            most: Pictures that are put in place at once; fewer, where the next are not done in time.
        """
        self._plan, self._results, self._make = plan, results, make
        self._found, self._on_event, self._most = found, on_event, most
        self._done = results.taken_over
        self._ready: list[Ready] = []
        self._since = 0.0
        self._problem = ""

    def go_through(self, outcomes: Iterable[tuple[int, Outcome | Exception]]) -> None:
        """Write what came of each picture, by its position in the plan."""
        wanted, ended = count(len(self._plan.pictures), "picture"), ""
        try:
            with working():
                for position, outcome in outcomes:
                    self._one(position, outcome)
                self.put()
        except KeyboardInterrupt:
            ended = "interrupted"
        except SavError as error:  # the disk is full, or nobody is there to go on
            ended = f"{error}; ended"
        try:
            self.put()
        except SavError as error:
            ended = ended or f"{error}; ended"
        if ended:
            self._problem = f"{ended} after {self._done} of {wanted}{self._saved(ended)}"

    def put_due(self) -> None:
        """Put in place what has waited long enough, or is enough; to be called also while nothing comes.

        Raises:
            WriteError: The disk is full, and no other picture would have room either.
        """
        if len(self._ready) >= self._most or time.monotonic() - self._since > _LONGEST:
            self.put()

    def put(self) -> None:
        """Put in place what is ready.

        Raises:
            WriteError: The disk is full, and no other picture would have room either.
        """
        ready, self._ready = self._ready, []
        if not ready:
            return
        with uninterrupted():
            try:
                outcomes: Sequence[bool | Exception] = self._results.put_all(ready)
            except Exception as error:
                outcomes = [error] * len(ready)
            pairs = list(zip(ready, outcomes, strict=True))
            for one, outcome in pairs:
                if outcome is True:
                    anything_is_saved()
                    self._done, self._found = self._done + 1, self._found + one.made.found
            for one, outcome in pairs:
                if isinstance(outcome, Exception):
                    self._tell(one.position, outcome)

    def finish(self) -> Report:
        """Write what tells of all pictures."""
        if self._results.is_anything_in_place:
            anything_is_saved()
        self._results.finish()
        is_begun = self._results.is_anything_in_place
        return Report(
            self._done,
            len(self._plan.pictures),
            self._found,
            (self._plan.save_dir,) if is_begun else (),
            problem=self._problem,
            is_whole=self._results.is_whole,
            is_begun=is_begun,
        )

    def _one(self, position: int, outcome: Outcome | Exception) -> None:
        """Make one picture's files, or tell why there are none.

        Raises:
            WriteError: The disk is full, and no other picture would have room either.
        """
        try:
            if isinstance(outcome, Exception):
                raise outcome
            with uninterrupted():
                self._since = self._since if self._ready else time.monotonic()
                self._ready.append(self._make(position, outcome))
        except Exception as error:
            self._tell(position, error)
        self.put_due()

    def _tell(self, position: int, error: Exception) -> None:
        error = self._results.explained(error)
        is_final = isinstance(error, WriteError) and error.is_final
        if is_final or isinstance(error, ResultsError):  # of what is damaged, no other picture would be told
            raise error
        self._on_event(problem_of(self._plan.pictures[position], error))

    def _saved(self, ended: str) -> str:
        if not self._done:
            return ""
        if ended != "interrupted":
            return ", whose results are complete"
        rest = ", and --resume does the rest" if self._done < len(self._plan.pictures) else ""
        return f"; their results are complete{rest}"


def problem_of(path: Path, error: Exception) -> Problem:
    """One line that names the picture; what nobody foresaw is logged with its traceback."""
    _log.debug("%s failed", path, exc_info=error)
    line = reason(error)
    is_named = isinstance(error, WriteError) or readable(path.name) in line
    return Problem(line if is_named else f"{readable(str(path))}: {line}")
