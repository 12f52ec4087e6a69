"""A run over pictures: read, segment, draw, write, one after the other; a bad picture does not stop it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from torch import OutOfMemoryError

from sav.commands.console import Progress, count, tell_error
from sav.config import MAX_PICTURE_MEGAPIXELS
from sav.data.scene import Scene
from sav.data.types import Frame
from sav.files import WriteError
from sav.formats.saving import reason
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import read_picture, readable
from sav.runs.picture_plan import PicturePlan
from sav.runs.picture_results import PictureResults
from sav.runs.report import Found, Report
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap

_log = logging.getLogger(__name__)


def segment_pictures(
    segmenter: Segmenter,
    plan: PicturePlan,
    max_megapixels: float = MAX_PICTURE_MEGAPIXELS,
    when_saved: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Segment each picture and write its results; what is done when Ctrl-C comes is kept.

    Pictures of more than `max_megapixels` are refused. A picture that cannot be read, segmented or written is
    told of, and the others are done; a full disk ends the run. `when_saved` is called as soon as all files
    are in place; the models may then still be in the middle of a picture, which nobody wants after Ctrl-C.

    Raises:
        ValueError: The results cannot be joined to those that are there.
    """
    results = PictureResults(plan, segmenter.categories, tell_error)
    with (
        Progress(len(plan.pictures), "picture") as progress,
        closing(
            overlap(_segmented(segmenter, plan.pictures, max_megapixels, progress), capacity=1)
        ) as scenes,
    ):
        report = _write(scenes, plan, results)
        progress.close()
        when_saved(report)
    return report


def _segmented(
    segmenter: Segmenter, pictures: Sequence[Path], max_megapixels: float, progress: Progress
) -> Iterator[Scene | Exception]:
    """Each picture's scene, or why there is none."""
    for index, path in enumerate(pictures):
        name = readable(path.name)
        progress.reach(index, name)
        scene: Scene | Exception
        try:
            frame = Frame(read_picture(path, max_megapixels), index, name)
            scene = segmenter(frame, on_progress=partial(_reach, progress, index, name))
        except (MemoryError, OutOfMemoryError):
            scene = MemoryError(
                f"{path} cannot be segmented: there is not enough memory for a picture so large"
            )
        except Exception as error:  # no picture ends a run
            scene = error
        yield scene
    progress.reach(len(pictures))


def _reach(progress: Progress, index: int, name: str, share: float) -> None:
    progress.reach(index + share, name)


def _write(scenes: Iterable[Scene | Exception], plan: PicturePlan, results: PictureResults) -> Report:
    """Write what comes of each picture, until the last, Ctrl-C, or a full disk."""
    done, found = 0, Found()
    wanted = count(len(plan.pictures), "picture")
    problem = ""
    try:
        with working():
            for position, scene in enumerate(scenes):
                if isinstance(scene, Exception):
                    _tell(plan.pictures[position], scene)
                    continue
                try:
                    with uninterrupted():
                        if not results.write(position, scene):
                            continue
                        anything_is_saved()
                        done, found = done + 1, found.with_scene(scene)
                except Exception as error:
                    if isinstance(error, WriteError) and error.is_final:
                        problem = f"{error}; ended after {done} of {wanted}, whose results are complete"
                        break
                    _tell(plan.pictures[position], error)
    except KeyboardInterrupt:
        saved = "their results are complete" if done else "nothing is saved"
        problem = f"interrupted after {done} of {wanted}; {saved}"
    results.finish()
    return Report(
        done, len(plan.pictures), found, (plan.save_dir,), problem=problem, is_whole=results.is_whole
    )


def _tell(path: Path, error: Exception) -> None:
    """One line that names the picture; what nobody foresaw is logged with its traceback."""
    _log.debug("%s failed", path, exc_info=error)
    line = reason(error)
    is_named = isinstance(error, WriteError) or readable(path.name) in line
    tell_error(line if is_named else f"{readable(str(path))}: {line}")
