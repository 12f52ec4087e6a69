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
from sav.folder.output import OutputFolder
from sav.formats.registry import FORMATS, resolve_formats
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.runs.events import OnEvent, Problem, Reached, Saved, ignore
from sav.runs.pictures.plan import ANNOTATIONS
from sav.runs.report import Found, Report
from sav.runs.saving import Annotations, Writers
from sav.runs.stored import (
    Place,
    check_source,
    open_source,
    opened,
    picture_scenes,
    video_scenes,
)
from sav.store import Store


@dataclass(frozen=True)
class ExportJob:
    """What is to be written of a run that is over.

    Attributes:
        run: The run; see `find_store`.
        formats: The formats of the annotations.
        save_dir: Where they go; None for where the run's own are.
        options: What is wished of single formats.
        overwrite: Replace also files that are not ours, or not any more.
        ids: The ids of the objects and regions that are written; none means all.
    """

    run: Path
    formats: tuple[str, ...]
    save_dir: Path | None = None
    options: SaveOptions = SaveOptions()
    overwrite: bool = False
    ids: tuple[int, ...] = ()


def run_export(job: ExportJob, on_event: OnEvent = ignore) -> Report:
    """Write annotation files, the same as the run itself would have written.

    Formats with pictures in them read the source again. Where that is gone or has changed they are left out,
    which is told of, and the others are written.

    Raises:
        FileNotFoundError: There is no store of such a run.
        FileExistsError: Something that is not ours has the name of a file.
        SavError: The store cannot be read, or there is no such format or id, or nothing can be written there.
    """
    with opened(job.run) as store:
        is_video = store.about.video is not None
        formats = resolve_formats(job.formats, is_video)
        if not is_video and job.options != SaveOptions():
            raise SettingError(f"{job.run} is of pictures: the options of yolo and cutout are for videos")
        unknown = sorted(set(job.ids) - set(store.ids())) if job.ids else []
        if unknown:
            raise SettingError(f"no object of this run has the id {unknown[0]}")
        inner = "" if is_video else ANNOTATIONS
        place = Place.of(store, inner, job.save_dir, job.overwrite)
        wanted = _possible(store, formats, on_event)
        _check(place, store, wanted)
        export = _export_video if is_video else _export_pictures
        report = export(store, place, wanted, job, on_event)
        report = replace(report, is_whole=report.is_whole and wanted == formats)
        on_event(Saved(report))
        return report


def _possible(store: Store, formats: Sequence[str], on_event: OnEvent) -> list[str]:
    """The formats that can be written, without those for which the source is missing.

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


def _check(place: Place, store: Store, formats: Sequence[str]) -> None:
    """Raise FileExistsError if something that is not ours has the name of a file."""
    blocked = [path for path in _places(place.folder, store, formats) if place.output.is_in_the_way(path)]
    if blocked:
        raise in_the_way(blocked)


def _places(folder: Path, store: Store, formats: Sequence[str]) -> Iterator[Path]:
    """The files that will be written, as far as their names are known, and what there is of such names."""
    each = [path for name in formats for path in FORMATS[name].each]
    yield from (folder / path for name in formats for path in FORMATS[name].common)
    if store.about.video is None:
        own = [path for path in each if path.count("*") == 1]
        keys = store.keys()
        yield from (folder / path.replace("*", key) for key in keys for path in own)
    else:
        yield from (path for pattern in each for path in sorted(folder.glob(pattern)))


def _scenes(store: Store, formats: Sequence[str], ids: Sequence[int], stack: ExitStack) -> Iterator[Scene]:
    """The scenes with what is wanted of them, and with their pixels if a format holds them."""
    scenes = _all_scenes(store, formats, stack)
    return (scene.with_ids(ids) for scene in scenes) if ids else scenes


def _all_scenes(store: Store, formats: Sequence[str], stack: ExitStack) -> Iterator[Scene]:
    if not any(FORMATS[name].pixels for name in formats):
        return store.scenes()
    if store.about.video is None:
        return picture_scenes(store)
    return video_scenes(store, stack.enter_context(open_source(store)))


def _export_video(
    store: Store, place: Place, formats: Sequence[str], job: ExportJob, on_event: OnEvent
) -> Report:
    """Write the files of a video; all of them, or none."""
    about, total, found = store.about, len(store), Found()
    place.begin()
    target = Target(place.folder, about.categories, about.video, options=job.options)
    with ExitStack() as stack:
        scenes = _scenes(store, formats, job.ids, stack)
        annotations = Annotations(formats, target, lambda line: on_event(Problem(line)), job.overwrite)
        with annotations:
            try:
                for number, scene in enumerate(scenes, start=1):
                    annotations.write(scene)
                    found = found.with_scene(scene)
                    on_event(Reached(number, total, "frame"))
            except BaseException:
                annotations.output = None
                raise
    return Report(total, None, found, (place.folder,), is_whole=annotations.is_whole)


def _export_pictures(
    store: Store, place: Place, formats: Sequence[str], job: ExportJob, on_event: OnEvent
) -> Report:
    """Write the files of pictures: each picture's own as it comes, and in the end those that tell of all."""
    each, joined = ([name for name in formats if bool(FORMATS[name].each) == own] for own in (True, False))
    total, found, problems = len(store), Found(), _Problems(on_event)
    target = Target(place.folder, store.about.categories, options=job.options)
    state = place.begin()

    with ExitStack() as stack:
        staging = stack.enter_context(staging_folder(state / "run"))
        Writers(each, target, staging / place.inner, problems).close()  # what holds for all pictures
        everything = Writers(joined, target, staging / place.inner, problems)
        stack.callback(everything.discard)
        done, problem = 0, ""
        try:
            with working():
                for scene in _scenes(store, formats, job.ids, stack):
                    everything.write(scene)
                    with uninterrupted():
                        if each:
                            _export_picture(scene, each, target, place, problems)
                            anything_is_saved()
                        done, found = done + 1, found.with_scene(scene)
                    on_event(Reached(done, total, "picture", scene.frame.name))
                everything.close()
        except (KeyboardInterrupt, WriteError) as error:
            reason = str(error) or "interrupted"
            problem = f"{reason}; ended after {done} of {total}, what tells of all stays as it was"
        else:
            problems.kept(place.output, place.output.put(staging, RUN))
    return Report(done, total, found, (place.folder,), problem=problem, is_whole=not problems.any)


def _export_picture(
    scene: Scene, formats: Sequence[str], target: Target, place: Place, problems: _Problems
) -> None:
    """Put a picture's own files in place, without those that hold for all pictures."""
    alone = replace(scene, frame=replace(scene.frame, index=0))
    with staging_folder(place.output.folder / STATE / "picture") as staging:
        inner = staging / place.inner
        writers = Writers(formats, target, inner, lambda line: problems(f"{scene.frame.name}: {line}"))
        try:
            writers.write(alone)
            writers.close()
        except BaseException:
            writers.discard()
            raise
        for path in (path for name in formats for path in FORMATS[name].common):
            (inner / path).unlink(missing_ok=True)
        problems.kept(place.output, place.output.put(staging, scene.frame.stem))


class _Problems:
    """Tells what could not be written, and remembers that there was something."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self.any = False

    def __call__(self, line: str) -> None:
        self.any = True
        self._on_event(Problem(line))

    def kept(self, output: OutputFolder, paths: Sequence[Path]) -> None:
        for path in paths:
            self(f"{path} {output.why_kept(path)}")
