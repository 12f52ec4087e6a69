"""What becomes of what is found in the pictures of a run: files, and what is told of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from sav.errors import SavError, WriteError
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import readable
from sav.runs.events import Note, OnEvent, Problem
from sav.runs.picture_plan import PicturePlan
from sav.runs.picture_results import PictureResults
from sav.runs.report import Found, Report
from sav.runs.saving import reason
from sav.wording import count

_log = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")


def taken_over(plan: PicturePlan, results: PictureResults, on_event: OnEvent) -> tuple[Found, Sequence[int]]:
    """What was found by an earlier run that is gone on with, and which pictures are still to be done."""
    if not plan.resume:
        return Found(), range(len(plan.pictures))
    found, todo = Found(), []
    for position in range(len(plan.pictures)):
        scene = results.known(position)
        if scene is None:
            todo.append(position)
        else:
            found = found.with_scene(scene)
    on_event(Note(f"going on after {count(len(plan.pictures) - len(todo), 'picture')} of an earlier run"))
    return found, todo


class PictureWriting(Generic[Outcome]):
    """Writes what comes of picture after picture, until the last, Ctrl-C, or whatever else ends a run."""

    def __init__(
        self,
        plan: PicturePlan,
        results: PictureResults,
        write: Callable[[int, Outcome], Found | None],
        found: Found,
        on_event: OnEvent,
    ) -> None:
        """Go on from what an earlier run has found.

        Args:
            plan: The run.
            results: Its results.
            write: Writes a picture's files, given its position and what came of it; returns what is in it,
                None if no file could be written.
            found: What an earlier run has found.
            on_event: Is told of what goes wrong.
        """
        self._plan, self._results, self._write = plan, results, write
        self._found, self._on_event = found, on_event
        self._done = results.taken_over
        self._problem = ""

    def go_through(self, outcomes: Iterable[tuple[int, Outcome | Exception]]) -> None:
        """Write what came of each picture, by its position in the plan."""
        wanted = count(len(self._plan.pictures), "picture")
        try:
            with working():
                for position, outcome in outcomes:
                    self._one(position, outcome)
        except KeyboardInterrupt:
            saved = "; their results are complete" if self._done else ""
            self._problem = f"interrupted after {self._done} of {wanted}{saved}"
        except SavError as error:  # the disk is full, or nobody is there to go on
            whole = ", whose results are complete" if self._done else ""
            self._problem = f"{error}; ended after {self._done} of {wanted}{whole}"

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
        """Write one picture's files, or tell why there are none.

        Raises:
            WriteError: The disk is full, and no other picture would have room either.
        """
        try:
            if isinstance(outcome, Exception):
                raise outcome
            with uninterrupted():
                found = self._write(position, outcome)
                if found is not None:
                    anything_is_saved()
                    self._done, self._found = self._done + 1, self._found + found
        except Exception as error:
            if isinstance(error, WriteError) and error.is_final:
                raise
            self._on_event(problem_of(self._plan.pictures[position], error))


def problem_of(path: Path, error: Exception) -> Problem:
    """One line that names the picture; what nobody foresaw is logged with its traceback."""
    _log.debug("%s failed", path, exc_info=error)
    line = reason(error)
    is_named = isinstance(error, WriteError) or readable(path.name) in line
    return Problem(line if is_named else f"{readable(str(path))}: {line}")
