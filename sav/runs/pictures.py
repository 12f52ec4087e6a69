"""A run over pictures: reading, models and writing overlap; a bad picture does not stop it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.errors import DeviceMemoryError, WriteError
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import read_picture, readable
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.picture_plan import PicturePlan
from sav.runs.picture_results import PictureResults
from sav.runs.picture_store import about_pictures
from sav.runs.report import Found, Report
from sav.runs.saving import reason
from sav.segmenter import Segmenter
from sav.stages.overlap import batched, overlap
from sav.wording import count

_log = logging.getLogger(__name__)


def run_pictures(plan: PicturePlan, segmenter: Segmenter, on_event: OnEvent = ignore) -> Report:
    """Segment each picture and write its results; what is done when Ctrl-C comes is kept.

    A picture that cannot be read, segmented or written is told of, and the others are done; a full disk ends
    the run. `Saved` is told as soon as all files are in place; the models may then still be in the middle of
    a picture, which nobody wants after Ctrl-C.

    Raises:
        ResultsError: The results cannot be joined to those that are there.
    """
    results = PictureResults(
        plan,
        about_pictures(segmenter),
        tell=lambda line: on_event(Problem(line)),
        note=lambda line: on_event(Note(line)),
    )
    found, todo = _taken_over(plan, results, on_event)
    batch = plan.batch or segmenter.batch
    frames = overlap(_read(plan, todo), capacity=2 * batch)
    scenes = overlap(_segmented(frames, segmenter, batch, len(plan.pictures), on_event), capacity=batch)
    with closing(scenes):
        report = _Writing(plan, results, found, on_event).write(zip(todo, scenes, strict=False))
        report = replace(report, with_regions=segmenter.regions)
        on_event(Saved(report))
    return report


def _taken_over(plan: PicturePlan, results: PictureResults, on_event: OnEvent) -> tuple[Found, Sequence[int]]:
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


def _read(plan: PicturePlan, todo: Sequence[int]) -> Iterator[Frame | Exception]:
    """Each picture that is to be done, or why it cannot be read."""
    for index in todo:
        path = plan.pictures[index]
        try:
            yield Frame(read_picture(path, plan.max_megapixels), index, readable(path.name))
        except MemoryError:
            yield _too_large(path)
        except Exception as error:  # no picture ends a run
            yield error


def _segmented(
    frames: overlap[Frame | Exception], segmenter: Segmenter, batch: int, total: int, on_event: OnEvent
) -> Iterator[Scene | Exception]:
    """Each picture's scene, or why there is none."""

    def reach(frame: Frame, share: float = 0.0) -> None:
        on_event(Reached(frame.index + share, total, "picture", frame.name))

    def segmented(some: Sequence[Frame]) -> list[Scene | Exception]:
        if some:
            reach(some[0])
        try:
            return [*segmenter.together(some, on_progress=lambda place, share: reach(some[place], share))]
        except Exception as error:
            if len(some) == 1:
                return [_too_large(Path(some[0].name)) if type(error) is MemoryError else error]
        return [scene for frame in some for scene in segmented([frame])]  # which of them is it?

    with closing(frames):
        for some in batched(frames, batch):
            scenes = iter(segmented([one for one in some if isinstance(one, Frame)]))
            yield from (next(scenes) if isinstance(one, Frame) else one for one in some)
    on_event(Reached(total, total, "picture"))


def _too_large(path: Path) -> DeviceMemoryError:
    return DeviceMemoryError(
        f"{readable(str(path))} cannot be segmented: there is not enough memory for a picture so large"
    )


class _Writing:
    """What becomes of the scenes of a run: files, and what is told of them."""

    def __init__(self, plan: PicturePlan, results: PictureResults, found: Found, on_event: OnEvent) -> None:
        """Go on from what an earlier run has `found`."""
        self._plan, self._results, self._on_event = plan, results, on_event
        self._found, self._done = found, results.taken_over
        self._problem = ""

    def write(self, scenes: Iterable[tuple[int, Scene | Exception]]) -> Report:
        """Write what comes of each picture, until the last, Ctrl-C, or a full disk."""
        wanted = count(len(self._plan.pictures), "picture")
        try:
            with working():
                for position, scene in scenes:
                    self._one(position, scene)
        except KeyboardInterrupt:
            saved = "; their results are complete" if self._done else ""
            self._problem = f"interrupted after {self._done} of {wanted}{saved}"
        except WriteError as error:  # the disk is full
            whole = ", whose results are complete" if self._done else ""
            self._problem = f"{error}; ended after {self._done} of {wanted}{whole}"

        if self._results.is_anything_in_place:
            anything_is_saved()
        self._results.finish()
        return self._report()

    def _one(self, position: int, scene: Scene | Exception) -> None:
        """Write one picture's files, or tell why there are none.

        Raises:
            WriteError: The disk is full, and no other picture would have room either.
        """
        try:
            if isinstance(scene, Exception):
                raise scene
            with uninterrupted():
                if self._results.write(position, scene):
                    anything_is_saved()
                    self._done, self._found = self._done + 1, self._found.with_scene(scene)
        except Exception as error:
            if isinstance(error, WriteError) and error.is_final:
                raise
            self._on_event(_problem(self._plan.pictures[position], error))

    def _report(self) -> Report:
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


def _problem(path: Path, error: Exception) -> Problem:
    """One line that names the picture; what nobody foresaw is logged with its traceback."""
    _log.debug("%s failed", path, exc_info=error)
    line = reason(error)
    is_named = isinstance(error, WriteError) or readable(path.name) in line
    return Problem(line if is_named else f"{readable(str(path))}: {line}")
