"""A run over pictures on many workers: the same files, byte for byte, as one makes."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sav.cluster.paces import Paces
from sav.cluster.picture_work import TOKEN, Delivery, Errand, Hello, PictureTask, PictureWork, stamp_of
from sav.cluster.placing import Workers, opened
from sav.cluster.pool import Pool
from sav.cluster.worker import Done
from sav.errors import WorkerLostError
from sav.files import named_errors
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.pictures.files import PictureFiles
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.putting import Ready
from sav.runs.pictures.results import PictureResults
from sav.runs.pictures.resuming import taken_over
from sav.runs.pictures.writing import PictureWriting
from sav.runs.report import Report
from sav.stages.overlap import batched

if TYPE_CHECKING:
    from sav.segmenter import Segmenter

# One is read, one is at the models, one is drawn and written.
_CONCURRENCY = 3
# Pictures that get their names, or are put in place, together.
_GROUP = 64


def share_pictures(
    plan: PicturePlan, load: Callable[[], Segmenter], workers: Workers, on_event: OnEvent = ignore
) -> Report:
    """Segment each picture on one of many workers and write its results; see `run_pictures`.

    Workers do all that belongs to one picture; its files are put in place here, in order, and what tells of
    all of them is written here. A picture that no worker survives is told of, and the others are done.

    Args:
        plan: What to do.
        load: Loads the models, in each worker.
        workers: How many, and where.
        on_event: Is told how far the run is, and of what goes wrong.

    Raises:
        ClusterError: There are no workers.
        ResultsError: The results cannot be joined to those that are there.
        SavError: The models cannot be loaded.
    """
    with ExitStack() as stack:
        cluster, share = stack.enter_context(opened(workers))
        if not share.is_room:
            on_event(Note(f"there is no room for {share.workers} workers yet: some begin when there is"))
        work = partial(PictureWork, load, PictureFiles.of(plan), plan.max_megapixels)
        pool: Pool[PictureTask, list[Delivery]] = stack.enter_context(
            Pool(cluster, share, work, _CONCURRENCY)
        )
        hello: Hello = pool.ready()
        results = PictureResults(
            plan,
            hello.about,
            tell=lambda line: on_event(Problem(line)),
            note=lambda line: on_event(Note(line)),
        )
        found, todo = taken_over(plan, results, on_event)
        with results.workshop() as workshop:
            sharing = _Sharing(plan, results, pool, hello, workshop, on_event)
            writing = PictureWriting(plan, results, sharing.ready, found, on_event, most=_GROUP)
            with closing(sharing.deliveries(todo, writing.put_due)) as deliveries:
                writing.go_through(deliveries)
            stack.close()  # nobody is at work in there any more
        report = replace(writing.finish(), with_regions=hello.regions)
    for line in sharing.paces.lines():
        on_event(Note(line))
    on_event(Saved(report))
    return report


class _Sharing:
    """Hands pictures out to workers, and takes in what they have made."""

    def __init__(
        self,
        plan: PicturePlan,
        results: PictureResults,
        pool: Pool[PictureTask, list[Delivery]],
        hello: Hello,
        workshop: Path,
        on_event: OnEvent,
    ) -> None:
        self._plan, self._results, self._pool, self._hello = plan, results, pool, hello
        self._workshop, self._on_event = workshop, on_event
        self._token = secrets.token_hex(16)
        self._stems: dict[int, str] = {}
        self._sends_content = False
        self.paces = Paces("picture")
        with named_errors(workshop):
            (workshop / TOKEN).write_text(self._token)

    def deliveries(
        self, todo: Sequence[int], on_wait: Callable[[], None]
    ) -> Generator[tuple[int, Delivery | Exception]]:
        """What comes of each picture, by its position, in order; calls `on_wait` while nothing does."""
        total = len(self._plan.pictures)
        before = position = total - len(todo)
        try:
            self._on_event(Reached(position, total, "picture", before=before))
            for done in self._pool.ordered(self._tasks(todo), on_wait=on_wait, bundled=True):
                for errand, delivery in zip(done.task.errands, self._whole(done), strict=True):
                    yield errand.position, delivery
                    if errand.position in self._stems:  # nothing came of it
                        self._results.release([self._stems.pop(errand.position)])
                    position += 1
                    self._on_event(Reached(position, total, "picture", str(self.paces), before))
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._results.release(list(self._stems.values()))

    def ready(self, position: int, delivery: Delivery) -> Ready:
        """A picture's files, ready to be put in place; see `PictureWriting`."""
        for line in delivery.lines:
            self._results.tell(line)
        if delivery.error is not None or delivery.made is None:
            raise delivery.error or ValueError("nothing came of it")
        folder = self._workshop / (delivery.folder or secrets.token_hex(16))
        if delivery.files is not None:
            _write(delivery.files, folder)
        return Ready(position, self._stems.pop(position), folder, delivery.made, delivery.files is None)

    def _tasks(self, todo: Iterable[int]) -> Iterator[PictureTask]:
        """What is to be done, each under a name of its own, as many a task as the models take at once."""
        for some in batched(todo, _GROUP):
            self._stems |= dict(zip(some, self._results.reserve(some), strict=True))
            yield from map(self._task, batched(some, self._plan.batch or self._hello.batch))

    def _task(self, positions: Sequence[int]) -> PictureTask:
        return PictureTask(list(map(self._errand, positions)), self._workshop, self._token)

    def _errand(self, position: int) -> Errand:
        path = self._plan.pictures[position]
        errand = Errand(position, path, self._stems[position], stamp_of(path))
        if not self._sends_content:
            return errand
        try:
            return replace(errand, content=path.read_bytes())
        except OSError:  # who is to do it says why
            return replace(errand, stamp=None)

    def _whole(self, done: Done[PictureTask, list[Delivery]]) -> Iterator[Delivery | Exception]:
        """What came of the pictures of a task, after what can still be done for them was done."""
        errands, value = done.task.errands, done.value
        if isinstance(value, WorkerLostError) and len(errands) == 1:
            yield value
        elif isinstance(value, Exception):  # which of them is it?
            for alone in self._pool.ordered(replace(done.task, errands=[one]) for one in errands):
                yield from self._whole(alone)
        elif value[0].is_unseen:
            self._sends_content = True
            task = self._task([errand.position for errand in errands])
            for again in self._pool.ordered([task]):
                yield from self._whole(again)
        else:
            self.paces.add(done.worker, len(value))
            yield from value


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files that came from a worker without a disk in common.

    Raises:
        WriteError: The disk is full.
    """
    for relative, content in files.items():
        path = folder / relative
        with named_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
