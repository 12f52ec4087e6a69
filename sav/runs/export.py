"""Annotation files of a run that is over, in any format, out of its store: no model is asked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.errors import ResultsError, SettingError, WriteError
from sav.files import staging_folder
from sav.folder.guarded import in_the_way
from sav.folder.ledger import RUN, STATE
from sav.formats.registry import FORMATS, resolve_formats
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.pictures import readable
from sav.media.pictures.paths import PathList
from sav.runs.events import OnEvent, Problem, Reached, Saved, ignore
from sav.runs.kept import kept_lines
from sav.runs.pictures.plan import ANNOTATIONS
from sav.runs.report import Found, FoundInVideo, Report
from sav.runs.saving import Annotations, Writers
from sav.runs.stored import (
    Place,
    check_pictures,
    check_source,
    has_regions,
    open_source,
    opened,
    picture_scenes,
    unread_line,
    unread_scenes,
    video_scenes,
)
from sav.store import Store
from sav.wording import Names


@dataclass(frozen=True)
class ExportJob:
    """What is to be written of a run that is over.

    Attributes:
        run: The run; see `find_store`.
        formats: The formats of the annotations.
        save_dir: Where they go; None for where the run's own are.
        options: What is wished of single formats.
        overwrite: Replace also files that are not ours, or not any more.
        ids: The ids of the objects that are written, and of a video's regions; none means all.
    """

    run: Path
    formats: tuple[str, ...]
    save_dir: Path | None = None
    options: SaveOptions = SaveOptions()
    overwrite: bool = False
    ids: tuple[int, ...] = ()


def run_export(job: ExportJob, on_event: OnEvent = ignore) -> Report:
    """Write annotation files, the same as the run itself would have written.

    Formats with pictures in them read the source again. Where a video is gone or has changed they are left
    out, and so is each picture of that kind; which is told of, and the rest is written. Files that are not
    ours, or not any more, are kept and told of, too.

    Raises:
        FileNotFoundError: There is no store of such a run.
        FileExistsError: Something that is not ours is in the way of all that would be written.
        SavError: The store cannot be read, or there is no such format or id, or nothing can be written there.
    """
    with opened(job.run) as store:
        is_video = store.about.video is not None
        formats = resolve_formats(job.formats, is_video)
        if not is_video and job.options != SaveOptions():
            raise SettingError(f"{job.run} is of pictures: the options of yolo and cutout are for videos")
        known = store.ids() if is_video else store.track_ids()
        unknown = sorted(set(job.ids) - set(known)) if job.ids else []
        if unknown:
            raise SettingError(f"no object of this run has the id {unknown[0]}")
        inner = "" if is_video else ANNOTATIONS
        place = Place.of(store, inner, job.save_dir, job.overwrite)
        if is_video:
            report = _export_video(store, place, formats, job, on_event)
        else:
            report = _export_pictures(store, place, formats, job, on_event)
        on_event(Saved(report))
        return report


def _check(place: Place, formats: Sequence[str]) -> None:
    """Raise FileExistsError if something that is not ours is in the way of all that can be written."""
    if any(FORMATS[name].each for name in formats):
        return
    paths = [place.folder / path for name in formats for path in FORMATS[name].common]
    blocked = [path for path in paths if place.output.is_in_the_way(path)]
    if len(blocked) == len(paths):
        raise in_the_way(blocked)


def _possible(store: Store, formats: Sequence[str], on_event: OnEvent) -> list[str]:
    """The formats of a video that can be written, without those for which the source is missing.

    Raises:
        ResultsError: None can.
    """
    with_pixels = [name for name in formats if FORMATS[name].pixels]
    if not with_pixels:
        return list(formats)
    try:
        check_source(store)
    except ResultsError as error:
        line = f"{', '.join(with_pixels)} left out, which would hold pictures: {error}"
        if with_pixels == formats:
            raise ResultsError(line) from None
        on_event(Problem(line))
        return [name for name in formats if name not in with_pixels]
    return list(formats)


def _scenes(store: Store, formats: Sequence[str], ids: Sequence[int], stack: ExitStack) -> Iterator[Scene]:
    """The scenes with what is wanted of them, and with their pixels if a format holds them."""
    scenes = _all_scenes(store, formats, stack)
    return (_with_ids(scene, ids) for scene in scenes) if ids else scenes


def _with_ids(scene: Scene, ids: Sequence[int]) -> Scene:
    """The objects of these ids, and of a video the regions: nobody sees ids of those of a picture."""
    chosen = scene.with_ids(ids)
    return chosen if scene.is_tracked else replace(chosen, regions=chosen.regions[:0])


def _all_scenes(store: Store, formats: Sequence[str], stack: ExitStack) -> Iterator[Scene]:
    if not any(FORMATS[name].pixels for name in formats):
        return store.scenes()
    return video_scenes(store, stack.enter_context(open_source(store)))


def _export_video(
    store: Store, place: Place, formats: Sequence[str], job: ExportJob, on_event: OnEvent
) -> Report:
    """Write the files of a video; all of them, or none."""
    wanted = _possible(store, formats, on_event)
    _check(place, wanted)
    about, total, found = store.about, len(store), FoundInVideo()
    place.begin()
    target = Target(place.folder, about.categories, about.video, options=job.options)
    with ExitStack() as stack:
        scenes = _scenes(store, wanted, job.ids, stack)
        annotations = Annotations(wanted, target, lambda line: on_event(Problem(line)), job.overwrite)
        with annotations:
            try:
                for number, scene in enumerate(scenes, start=1):
                    annotations.write(scene)
                    found.add(scene)
                    on_event(Reached(number, total, "frame"))
            except BaseException:
                annotations.output = None
                raise
    is_whole = annotations.is_whole and wanted == formats
    return Report(total, None, found.found, (place.folder,), is_whole=is_whole)


def _export_pictures(
    store: Store, place: Place, formats: Sequence[str], job: ExportJob, on_event: OnEvent
) -> Report:
    """Write the files of pictures; what cannot be of one is told of, and the rest is written."""
    if all(FORMATS[name].pixels for name in formats):
        check_pictures(store)
    _check(place, formats)
    return _PictureExport(store, place, formats, job, on_event).write()


class _PictureExport:
    """Writes the files of pictures: each one's own as it comes, and in the end those that tell of all."""

    def __init__(
        self, store: Store, place: Place, formats: Sequence[str], job: ExportJob, on_event: OnEvent
    ) -> None:
        """Begin, without touching the disk."""
        self._store, self._place, self._job, self._on_event = store, place, job, on_event
        self._target = Target(place.folder, store.about.categories, options=job.options)
        self._each = [name for name in formats if FORMATS[name].each]
        self._joined = [name for name in formats if not FORMATS[name].each]
        self._with_pixels = [name for name in formats if FORMATS[name].pixels]
        self._done, self._found, self._is_whole = 0, Found(), True
        self._unread, self._kept = Names(), PathList()

    def write(self) -> Report:
        """Write them; Ctrl-C and a full disk leave whole files."""
        total, problem = len(self._store), ""
        state = self._place.begin()
        with staging_folder(state / "run") as staging, ExitStack() as stack:
            inner = staging / self._place.inner
            Writers(self._each, self._target, inner, self._tell).close()  # what holds for all pictures
            everything = Writers(self._joined, self._target, inner, self._tell)
            stack.callback(everything.discard)
            try:
                with working():
                    self._go_through(everything, total)
                    everything.close()
            except (KeyboardInterrupt, WriteError) as error:
                reason = str(error) or "interrupted"
                problem = f"{reason}; ended after {self._done} of {total}, what tells of all stays as it was"
            else:
                if self._done:
                    self._kept.extend(self._place.output.put(staging, RUN))
        self._tell_left_out()
        return Report(
            self._done,
            total,
            self._found,
            (self._place.folder,),
            problem=problem,
            is_whole=self._is_whole,
            with_regions=has_regions(self._store),
        )

    def _go_through(self, everything: Writers, total: int) -> None:
        pictures = picture_scenes(self._store) if self._with_pixels else unread_scenes(self._store)
        for number, (scene, missing) in enumerate(pictures, start=1):
            chosen = _with_ids(scene, self._job.ids) if self._job.ids else scene
            everything.write(chosen)
            each = self._each
            if missing is not None:
                self._unread.add(readable(str(missing)))
                each = [name for name in each if name not in self._with_pixels]
            if each:
                with uninterrupted():
                    self._write_own(chosen, each)
                    anything_is_saved()
            if each or self._joined:
                self._done, self._found = self._done + 1, self._found.with_scene(chosen)
            self._on_event(Reached(number, total, "picture", scene.frame.name))

    def _write_own(self, scene: Scene, formats: Sequence[str]) -> None:
        """Put a picture's own files in place, without those that hold for all pictures."""
        alone = replace(scene, frame=replace(scene.frame, index=0))
        output = self._place.output
        with staging_folder(output.folder / STATE / "picture") as staging:
            inner = staging / self._place.inner
            writers = Writers(
                formats, self._target, inner, lambda line: self._tell(f"{scene.frame.name}: {line}")
            )
            try:
                writers.write(alone)
                writers.close()
            except BaseException:
                writers.discard()
                raise
            for path in (path for name in formats for path in FORMATS[name].common):
                (inner / path).unlink(missing_ok=True)
            self._kept.extend(output.put(staging, scene.frame.stem))

    def _tell_left_out(self) -> None:
        if self._unread:
            self._tell(f"left out of {', '.join(self._with_pixels)}: {unread_line(self._unread)}")
        for line in kept_lines(self._kept, self._place.output):
            self._tell(line)

    def _tell(self, line: str) -> None:
        """Say that something could not be written."""
        self._is_whole = False
        self._on_event(Problem(line))
