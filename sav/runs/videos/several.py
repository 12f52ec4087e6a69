"""A run over a folder of videos: each by itself, one after the other; a bad one does not stop the others."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sav.errors import ResultsError, SavError, SettingError
from sav.files import check_folder, named_errors
from sav.folder.guarded import in_the_way
from sav.folder.ledger import RUN, STATE
from sav.formats.registry import FORMATS
from sav.interrupts import heard, working
from sav.media.pictures import output_stems
from sav.media.save_path import annotations_folder, check_save_path
from sav.media.video_files import list_videos
from sav.runs.events import Event, Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.report import Report, VideosReport
from sav.runs.saving import reason
from sav.runs.stored import REFINED, STORE, refined_about
from sav.runs.videos.job import VideoJob
from sav.runs.videos.models import KnownModels, VideoModels, at_hand
from sav.runs.videos.run import run_video
from sav.runs.videos.store import about_job
from sav.store import About, Store

_SUFFIX = ".mp4"


def plan_videos(folder: Path, save_dir: Path, like: VideoJob) -> list[VideoJob]:
    """What is to be done with each video of a folder; nothing is changed by that.

    Args:
        folder: The videos.
        save_dir: Where `NAME.mp4` and `NAME_annotations` of each go; need not exist.
        like: The settings of all.

    Raises:
        SettingError: It is no folder, or that of the videos.
        OSError: Nothing can be written there, or videos that are not ours are in the way of all.
        VideoError: The folder cannot be read.
    """
    if save_dir.suffix.lower() in (".mp4", ".m4v", ".mov"):
        raise SettingError(f"{folder} is a folder of videos: give --save_path a folder for theirs")
    check_folder(save_dir)
    if save_dir.exists() and save_dir.samefile(folder):
        raise SettingError(f"{save_dir} is the folder of the videos that are read: give another --save_path")
    videos = list_videos(folder)
    jobs = [
        replace(like, source=str(path), save_path=save_dir / f"{stem}{_SUFFIX}")
        for path, stem in zip(videos, output_stems(videos), strict=True)
    ]
    if save_dir.exists():
        blocked = [job.save_path for job in jobs if _is_blocked(job)]
        if len(blocked) == len(jobs):
            raise in_the_way(blocked)
    return jobs


def _is_blocked(job: VideoJob) -> bool:
    """Whether a video that is not ours is in the way of one, which is then told when it is its turn."""
    check_save_path(job.save_path, job.source)
    try:
        job.results()
    except FileExistsError:
        return True
    return False


def run_videos(
    jobs: Sequence[VideoJob],
    models: VideoModels | Callable[[], VideoModels],
    on_event: OnEvent = ignore,
    asked: KnownModels | None = None,
) -> VideosReport:
    """Do one video after the other; see `run_video`. With `resume` those that are done are not done again.

    A video that cannot be read is told of, and the others are done. Ctrl-C ends the one that is at work as it
    ends a run over it alone.

    Args:
        jobs: What to do.
        models: They, or what loads them, if they are needed.
        on_event: Is told how far the run is, and of what goes wrong.
        asked: What is known of models that are not loaded; None if nothing is.
    """
    save_dir = jobs[0].save_path.parent
    reports: list[Report] = []
    known = done_before(jobs, asked)
    taken_over, problem = len(known), ""
    if len(known) == len(jobs):
        return _told(VideosReport(save_dir, len(jobs), taken_over=taken_over), on_event)
    loaded = at_hand(models)
    todo = [job for number, job in enumerate(jobs) if number not in known]
    try:
        with results_folder(save_dir), working():
            for number, job in enumerate(todo, start=len(known)):
                name = Path(job.source).name
                on_event(Reached(number, len(jobs), "video", name, taken_over))
                report = do_video(job, loaded, _within(number, len(jobs), name, taken_over, on_event))
                taken_over += report is None
                reports += [report] if isinstance(report, Report) else []
                if heard():
                    raise KeyboardInterrupt
            on_event(Reached(len(jobs), len(jobs), "video", before=taken_over))
    except KeyboardInterrupt:
        problem = "interrupted"
    return _told(VideosReport(save_dir, len(jobs), tuple(reports), taken_over, problem), on_event)


def _told(report: VideosReport, on_event: OnEvent) -> VideosReport:
    on_event(Saved(report))
    return report


@contextlib.contextmanager
def results_folder(save_dir: Path) -> Iterator[None]:
    """Make the folder that the results go to; if it was not there and stays empty, it goes again.

    Raises:
        OSError: It cannot be made.
    """
    was_there = save_dir.exists()
    with named_errors(save_dir):
        save_dir.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if not was_there:
            with contextlib.suppress(OSError):  # there is something in it
                save_dir.rmdir()


def do_video(job: VideoJob, models: VideoModels, on_event: OnEvent) -> Report | str | None:
    """Do one video of many.

    Returns:
        How it ended; None if an earlier run has done it; a line, which was told, if it could not be begun.
    """
    try:
        if job.resume and is_done(job, models):
            return None
        report = run_video(job, models, on_event)
    except (SavError, OSError) as error:
        line = reason(error)
        is_named = Path(job.source).name in line
        on_event(Problem(line if is_named else f"{job.source}: {line}"))
        return line
    if report.problem:
        on_event(Problem(f"{job.source}: {report.problem}"))
    return report


def done_before(jobs: Sequence[VideoJob], models: KnownModels | None) -> set[int]:
    """The numbers of videos that an earlier run has done, as far as that is known without loading models."""
    if models is None:
        return set()
    return {number for number, job in enumerate(jobs) if job.resume and _is_surely_done(job, models)}


def _is_surely_done(job: VideoJob, models: KnownModels) -> bool:
    try:
        return is_done(job, models)
    except (SavError, OSError):  # which is told when it is its turn
        return False


def is_done(job: VideoJob, models: KnownModels) -> bool:
    """Whether an earlier run like this one has come to the video's end, and its files are there.

    It may have been on another device. The video is not opened for that.
    """
    folder = annotations_folder(job.save_path)
    ledger = job.results().annotations(job.save_path).ledger
    is_ours = job.save_path.exists() and ledger.looks_ours(job.save_path)
    if not is_ours or ledger.about(RUN).get("looks", "") != job.looks:
        return False
    stores = [folder / STATE / name for name in ([STORE, REFINED] if job.refine else [STORE])]
    files = [os.path.relpath(place, folder) for place in folder.rglob("*")]
    if not (all(path.exists() for path in stores) and all(_has(name, files) for name in job.formats)):
        return False
    about = about_job(job, models)  # large files are hashed for that
    abouts = [about, refined_about(about, job.refine)] if job.refine else [about]
    return all(map(_is_finished, stores, abouts))


def _is_finished(path: Path, about: About) -> bool:
    """Whether there is the store of such a run that has come to its end."""
    try:
        with Store.open(path) as store:
            return store.is_finished and _essence(store.about) == _essence(about)
    except (ResultsError, OSError):
        return False


def _essence(about: About) -> str:
    """What a run is about, without what follows from the rest, and the device, which nobody sees."""
    settings = {name: value for name, value in about.settings.items() if name != "device"}
    return replace(about, settings=settings, categories={}, video=None).to_json()


def _has(name: str, files: Sequence[str]) -> bool:
    """Whether there is anything of a format among some files."""
    return any(file.partition(os.sep)[0] in FORMATS[name].places for file in files)


def _within(number: int, total: int, name: str, before: int, on_event: OnEvent) -> Callable[[Event], None]:
    """What becomes of what a run over one video tells, which is one of many."""

    def tell(event: Event) -> None:
        if isinstance(event, Reached):
            share = event.position / event.total if event.total else 0.0
            on_event(Reached(number + min(share, 1.0), total, "video", name, before))
        elif isinstance(event, Note | Problem):
            is_named = name in event.line
            on_event(event if is_named else replace(event, line=f"{name}: {event.line}"))

    return tell
