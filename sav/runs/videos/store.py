"""What a run over a video finds, on disk as it is found: a run that was ended goes on with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from types import TracebackType

from sav.data.scene import Scene
from sav.errors import ResultsError, SettingError
from sav.files import named_errors
from sav.folder.ledger import STATE
from sav.media.addresses import local_path, shown
from sav.media.save_path import annotations_folder
from sav.media.video import VideoInfo, VideoReader
from sav.runs.differences import difference
from sav.runs.stored import REFINED, STORE, UNFINISHED, refined_about, source_of_video
from sav.runs.videos.job import VideoJob
from sav.runs.videos.leftovers import interrupted_videos, note_taken
from sav.runs.videos.models import KnownModels, VideoModels
from sav.stages.refine import RefineConfig, Step
from sav.store import About, Store
from sav.trackers import load_config


class VideoStore:
    """The store of a run that is at work; a context manager, which keeps it where `--resume` finds it.

    Attributes:
        known: How many frames an earlier run has done.
    """

    def __init__(self, job: VideoJob, models: VideoModels, info: VideoInfo, batch: int) -> None:
        """Begin, or with `job.resume` take what an earlier run has found.

        Args:
            job: What the run is to do.
            models: They.
            info: The properties of the job's source.
            batch: Frames that the models take at once. Only whole batches are taken over, so that what comes
                after them is found as in a run that was not ended.

        Raises:
            ResultsError: There is an earlier run, but of another video or with other settings.
            WriteError: It cannot be written.
        """
        self._state = annotations_folder(job.save_path) / STATE
        self._path = self._state / UNFINISHED
        self._refined_path = self._state / f"unfinished_{REFINED}"
        self._missing = [folder for folder in (self._state, self._state.parent) if not folder.exists()]
        about = about_video(job, models, info)
        self.known = 0
        if job.resume:
            self._take_over(job, about)
            self.known = self.known // batch * batch
        begin = Store.join if self.known else Store.create
        self._store: Store | None = begin(self._path, about)
        self._refined = self._begin_refined(about, job.refine) if job.refine else None

    def scenes(self) -> Iterator[Scene]:
        """What is known, in order."""
        if not self.known:
            return
        with Store.open(self._path) as store:
            for entry in islice(store.entries(), self.known):
                yield entry.scene

    def add(self, step: Step) -> None:
        """Keep what was found, and what became of it when it was refined.

        Raises:
            WriteError: It cannot be written; what was added before stays.
        """
        found, shown = step.found, step.shown
        if self._store is not None and found is not None and found.frame.index >= self.known:
            self._store.add(found)
        if self._refined is not None and shown is not None:
            self._refined.add(shown)

    def put(self, folder: Path, finished: VideoReader | None) -> None:
        """Put the store beside the results in `folder`; it can no longer be added to.

        Args:
            folder: The annotations.
            finished: The source, if the run came to its end.

        Raises:
            WriteError: It cannot be written.
        """
        for store in filter(None, (self._store, self._refined)):
            if finished is not None:
                store.finish(finished.end_time)
        is_refined = self._refined is not None
        self._close()
        place, refined_place = folder / STATE / STORE, folder / STATE / REFINED
        with named_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            refined_place.unlink(missing_ok=True)  # until both are in place, what was found is shown
            self._path.replace(place)
            if is_refined:
                self._refined_path.replace(refined_place)
        self.close()

    def close(self) -> None:
        """Let go of it; where there is nothing in it, nothing is left."""
        with contextlib.suppress(OSError):  # a folder that is not empty stays
            is_empty = self._close()
            self._refined_path.unlink(missing_ok=True)
            if self._path.exists() and is_empty:
                self._path.unlink()
            for folder in self._missing:
                folder.rmdir()

    def __enter__(self) -> VideoStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _close(self) -> bool:
        """Close the files; whether nothing was found."""
        refined, self._refined = self._refined, None
        if refined is not None:
            refined.close()
        store, self._store = self._store, None
        if store is None:
            return False
        with store:
            return len(store) == 0

    def _begin_refined(self, about: About, config: RefineConfig) -> Store:
        """Begin the store of what is refined, anew in each run: what is found is all that is taken over."""
        return Store.create(self._refined_path, refined_about(about, config))

    def _take_over(self, job: VideoJob, about: About) -> None:
        """Have the furthest of the earlier runs that are like this one be the one to go on with."""
        found: list[tuple[int, Path]] = []
        others: list[Path] = []
        for path in self._earlier(job.save_path):
            with contextlib.suppress(ResultsError), Store.open(path) as store:
                if store.about.to_json() == about.to_json():
                    found.append((len(store), path))
                elif len(store):
                    others.append(path)
        if not found and others:
            with Store.open(others[0]) as store:
                differs = difference(store.about, about, {"--tracker": job.tracker})
                raise ResultsError(f"{differs}: give the same, or leave out --resume")
        if found:
            self.known, path = max(found)
            if path != self._path:
                with named_errors(self._path):
                    self._state.mkdir(parents=True, exist_ok=True)
                    if path.parent != self._state:
                        note_taken(path.parent)
                    path.replace(self._path)

    def _earlier(self, save_path: Path) -> list[Path]:
        """Where runs into this path that ended in any way have their stores."""
        interrupted = [annotations_folder(path) for path in interrupted_videos(save_path)]
        folders = [self._state.parent, *interrupted]
        places = [self._path, *(folder / STATE / STORE for folder in folders)]
        return [path for path in places if path.exists()]


def about_video(job: VideoJob, models: VideoModels, info: VideoInfo) -> About:
    """What a run is about: the same for two that find the same."""
    return replace(
        about_job(job, models), categories=dict(models.categories), video=replace(info, audio=None)
    )


def about_job(job: VideoJob, models: KnownModels) -> About:
    """The same without what only models that are loaded know, and the opened video."""
    settings = models.settings(for_video=True)
    settings["tracker"] = asdict(load_config(job.tracker))
    if job.regions:
        settings["regions"] = True
    return About(
        categories={},
        settings=settings,
        checkpoints=models.checkpoint_hashes,
        source=source_of_video(job.source, annotations_folder(job.save_path), job.start, job.end, job.stride),
    )


def check_resumable(job: VideoJob) -> None:
    """Raise SettingError if a run cannot be gone on with, since its source comes once."""
    path = local_path(job.source)
    if job.resume and (path is None or not path.exists()):
        raise SettingError(f"{shown(job.source)} comes only once: leave out --resume")
