"""A run over a folder of videos on many workers: a video a task, the same files as one worker makes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sav.cluster.paces import Paces
from sav.cluster.placing import Workers, opened
from sav.cluster.pool import Pool
from sav.cluster.worker import Done
from sav.errors import SavError
from sav.files import named_errors, remove_abandoned, staging_folder
from sav.interrupts import anything_is_saved, working
from sav.runs.events import Event, Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.report import Report, VideosReport
from sav.runs.videos.job import VideoJob
from sav.runs.videos.models import KnownModels
from sav.runs.videos.several import do_video, done_before, results_folder

if TYPE_CHECKING:
    from sav.segmenter import Segmenter

_TOKEN = "token"


@dataclass(frozen=True)
class VideoTask:
    """One of many videos.

    Attributes:
        number: Its place among them.
        job: What is to be done with it.
        workshop: A folder beside the results where workers note how far they are.
        token: What is in a file there.
    """

    number: int
    job: VideoJob
    workshop: Path
    token: str


@dataclass(frozen=True, eq=False)
class VideoDelivery:
    """What came of one video.

    Attributes:
        report: How it ended; None if an earlier run has done it, or if it could not be begun.
        events: What was told meanwhile.
        is_known: Whether an earlier run has done it.
    """

    report: Report | None
    events: Sequence[Event] = ()
    is_known: bool = False


@dataclass
class VideoWork:
    """Does one video after the other.

    Attributes:
        load: Loads the models.
    """

    load: Callable[[], Segmenter]
    _segmenter: Segmenter = field(init=False)

    def __post_init__(self) -> None:
        self._segmenter = self.load()

    def hello(self) -> None:
        """The models are there."""

    def __call__(self, task: VideoTask) -> VideoDelivery:
        """Do one; where another worker died of it, or with its machine, go on from what that one has done."""
        events: list[Event] = []
        mark, job = task.workshop / str(task.number), task.job
        if not _sees(task):
            line = f"{job.source}: a worker does not see {task.workshop.parent}: videos need a disk in common"
            return VideoDelivery(None, [Problem(line)])
        job = replace(job, resume=job.resume or mark.exists())
        mark.write_text("0")

        def tell(event: Event) -> None:
            if isinstance(event, Reached):
                mark.write_text(str(event.position / event.total if event.total else 0.0))
            elif not isinstance(event, Saved):
                events.append(event)

        ended = do_video(job, self._segmenter, tell)
        report = ended if isinstance(ended, Report) else None
        return VideoDelivery(report, events, ended is None)


def share_videos(
    jobs: Sequence[VideoJob],
    load: Callable[[], Segmenter],
    workers: Workers,
    on_event: OnEvent = ignore,
    asked: KnownModels | None = None,
) -> VideosReport:
    """Do each video on one of many workers; see `run_videos`.

    A worker that dies has its video gone on with by another. A video that no worker survives is told of, and
    the others are done. After Ctrl-C those that are done stay, and the others can be gone on with.

    Args:
        jobs: What to do.
        load: Loads the models, in each worker.
        workers: How many, and where.
        on_event: Is told how far the run is, and of what goes wrong.
        asked: What is known of models that are not loaded; None if nothing is.

    Raises:
        ClusterError: There are no workers.
        SavError: The models cannot be loaded.
    """
    save_dir, known = jobs[0].save_path.parent, done_before(jobs, asked)
    if len(known) == len(jobs):
        report = VideosReport(save_dir, len(jobs), taken_over=len(known))
        on_event(Saved(report))
        return report
    with ExitStack() as stack:
        cluster, share = stack.enter_context(opened(workers))
        if not share.is_room:
            on_event(Note(f"there is no room for {share.workers} workers yet: some begin when there is"))
        fewer = replace(share, workers=min(share.workers, len(jobs)))
        pool: Pool[VideoTask, VideoDelivery] = stack.enter_context(
            Pool(cluster, fewer, partial(VideoWork, load))
        )
        pool.ready()
        stack.enter_context(results_folder(save_dir))
        with staging_folder(save_dir / "workers") as workshop:
            sharing = _Sharing(jobs, workshop, on_event)
            sharing.go_through(pool)
            stack.close()  # nobody is at work any more
        for folder in {save_dir, *(path for path in save_dir.glob("*_annotations/.sav"))}:
            remove_abandoned(folder)  # of workers that died
    for line in sharing.paces.lines():
        on_event(Note(line))
    report = sharing.report(save_dir)
    on_event(Saved(report))
    return report


class _Sharing:
    """Hands videos out to workers, and tells what came of them."""

    def __init__(self, jobs: Sequence[VideoJob], workshop: Path, on_event: OnEvent) -> None:
        self._jobs, self._workshop, self._on_event = jobs, workshop, on_event
        self._token = secrets.token_hex(16)
        self._reports: list[Report] = []
        self._taken_over = self._handed = 0
        self._problem = ""
        self.paces = Paces("frame")
        with named_errors(workshop):
            (workshop / _TOKEN).write_text(self._token)

    def go_through(self, pool: Pool[VideoTask, VideoDelivery]) -> None:
        """Have all videos done."""
        tasks = (VideoTask(number, job, self._workshop, self._token) for number, job in enumerate(self._jobs))
        try:
            with working():
                self._reach()
                for done in pool.ordered(tasks, window=len(self._jobs), on_wait=self._reach):
                    self._take(done)
                    self._reach()
        except KeyboardInterrupt:
            self._problem = "interrupted; --resume goes on with what is begun"
        except SavError as error:
            self._problem = str(error)

    def report(self, save_dir: Path) -> VideosReport:
        """How it ended."""
        return VideosReport(save_dir, len(self._jobs), tuple(self._reports), self._taken_over, self._problem)

    def _take(self, done: Done[VideoTask, VideoDelivery]) -> None:
        self._handed += 1
        if isinstance(done.value, Exception):
            self._on_event(Problem(f"{done.task.job.source}: {done.value}"))
            return
        for event in done.value.events:
            name = Path(done.task.job.source).name
            if isinstance(event, Note | Problem) and name not in event.line:
                event = replace(event, line=f"{name}: {event.line}")
            self._on_event(event)
        self._taken_over += done.value.is_known
        if done.value.report is not None:
            self._reports.append(done.value.report)
            self.paces.add(done.worker, done.value.report.done)
            if done.value.report.done:
                anything_is_saved()

    def _reach(self) -> None:
        """Tell how far all workers are together."""
        shares = [_share(self._workshop / str(number)) for number in range(self._handed, len(self._jobs))]
        reached = self._handed + sum(shares)
        self._on_event(Reached(reached, len(self._jobs), "video", str(self.paces), self._taken_over))


def _share(mark: Path) -> float:
    """Which share of a video is done, as its worker has noted."""
    try:
        return min(1.0, float(mark.read_text() or 0))
    except (OSError, ValueError):
        return 0.0


def _sees(task: VideoTask) -> bool:
    try:
        return (task.workshop / _TOKEN).read_text() == task.token
    except OSError:
        return False
