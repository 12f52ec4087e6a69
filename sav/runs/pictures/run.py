"""A run over pictures: reading, models and writing overlap; a bad picture does not stop it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from sav.data.scene import Scene
from sav.data.types import Frame
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.pictures.making import PictureMaking
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.results import PictureResults
from sav.runs.pictures.resuming import taken_over
from sav.runs.pictures.scenes import read_frame, scenes_of
from sav.runs.pictures.store import about_pictures
from sav.runs.pictures.writing import PictureWriting
from sav.runs.report import Report
from sav.segmenter import Segmenter
from sav.stages.overlap import batched, overlap


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
    found, todo = taken_over(plan, results, on_event)
    batch = plan.batch or segmenter.batch

    frames = overlap(_read(plan, todo), capacity=2 * batch)
    reach = _Reaching(results.taken_over, len(plan.pictures), on_event)
    scenes = overlap(_segmented(frames, segmenter, batch, reach), capacity=batch)
    with closing(scenes):
        with results.workshop() as workshop:
            # Where many pictures come in a second, models would wait for files made in their own process.
            making = PictureMaking(plan, results, workshop, has_helpers=batch > 1)
            with closing(making.under_way(zip(todo, scenes, strict=False))) as under_way:
                writing = PictureWriting(plan, results, making.ready, found, on_event, most=batch)
                writing.go_through(under_way)
        report = replace(writing.finish(), with_regions=segmenter.regions)
        on_event(Saved(report))
    return report


def _read(plan: PicturePlan, todo: Sequence[int]) -> Iterator[Frame | Exception]:
    """Each picture that is to be done, numbered from 0, or why it cannot be read."""
    numbered = enumerate(todo)
    return (read_frame(plan.pictures[index], number, plan.max_megapixels) for number, index in numbered)


@dataclass(frozen=True)
class _Reaching:
    """Tells how far a run is that need not do the first `before` of `total` pictures."""

    before: int
    total: int
    on_event: OnEvent

    def __call__(self, frame: Frame, share: float) -> None:
        self.tell(self.before + frame.index + share, frame.name)

    def tell(self, position: float, name: str = "") -> None:
        self.on_event(Reached(position, self.total, "picture", name, self.before))


def _segmented(
    frames: overlap[Frame | Exception], segmenter: Segmenter, batch: int, reach: _Reaching
) -> Iterator[Scene | Exception]:
    """Each picture's scene, or why there is none."""
    with closing(frames):
        for some in batched(frames, batch):
            yield from scenes_of(some, segmenter, reach)
    reach.tell(reach.total)
