"""The overlay pictures or the MP4 of a run that is over, drawn anew out of its store, without models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from sav.data.scene import Scene
from sav.data.types import Image
from sav.detectors.names import resolve_classes
from sav.drawing import DrawConfig, Painter, overlay
from sav.errors import SettingError
from sav.files import staging_folder
from sav.folder.guarded import in_the_way
from sav.folder.ledger import RUN
from sav.folder.output import OutputFolder
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.h264 import WriterConfig
from sav.media.pictures import readable, write_picture
from sav.media.pictures.paths import PathList
from sav.media.save_path import annotations_folder, check_save_path
from sav.media.video import VideoInfo, VideoReader
from sav.media.writer import VideoWriter
from sav.runs.events import OnEvent, Problem, Reached, Saved, ignore
from sav.runs.kept import kept_lines
from sav.runs.report import Found, FoundInVideo, Report
from sav.runs.stored import (
    Place,
    check_pictures,
    has_regions,
    open_source,
    opened,
    picture_scenes,
    unread_line,
    video_scenes,
)
from sav.runs.videos.results import names_like
from sav.stages.overlap import overlap
from sav.store import Store
from sav.wording import Names

# What follows the name of a video, and the folder of pictures in that of the results.
RENDERED, PICTURES = "_render", "render"


@dataclass(frozen=True)
class RenderJob:
    """What is to be drawn of a run that is over.

    Attributes:
        run: The run; see `find_store`.
        save_path: The MP4, or the folder of the pictures; None for `NAME_render.mp4` beside the run's own, or
            `render` in the folder of its results.
        draw: What is drawn, and how.
        classes: Names or ids of the classes of which objects are shown; none means all.
        ids: The ids of the objects that are shown; none means all.
        overwrite: Replace also files that are not ours, or not any more.
        encoder: What encodes the MP4, one of `sav.config.VIDEO_ENCODERS`.
    """

    run: Path
    save_path: Path | None = None
    draw: DrawConfig = DrawConfig()  # noqa: RUF009 (frozen, as all configs are)
    classes: tuple[str | int, ...] = ()
    ids: tuple[int, ...] = ()
    overwrite: bool = False
    encoder: str = "auto"

    def chooser(self, store: Store) -> Callable[[Scene], Scene]:
        """What leaves of a scene the objects and regions that are shown.

        Raises:
            SettingError: There is no such class or object.
        """
        classes = resolve_classes(self.classes, store.about.categories)
        unknown = sorted(set(self.ids) - set(store.track_ids())) if self.ids else []
        if unknown:
            raise SettingError(f"no object of this run has the id {unknown[0]}")

        def choose(scene: Scene) -> Scene:
            kept = np.ones(len(scene), np.bool_)
            if classes is not None:
                kept &= np.isin(scene.class_ids, classes)
            if self.ids:
                kept &= np.isin(scene.track_ids, self.ids)
            shown = scene[kept]
            return shown if self.draw.regions else replace(shown, regions=shown.regions[:0])

        return choose


def run_render(job: RenderJob, on_event: OnEvent = ignore) -> Report:
    """Draw a run's scenes on its pictures or frames, which are read again.

    With the same settings the pictures are those of the run itself, to the last bit. Pictures that are gone
    or have changed are left out, and so are those in whose place is something that is not ours; which is told
    of, and the others are drawn.

    Raises:
        FileNotFoundError: There is no store of such a run.
        FileExistsError: A video that is not ours has the name of the one to be written.
        SavError: The store or the source cannot be read, or nothing can be written there.
    """
    with opened(job.run) as store:
        choose = job.chooser(store)
        render = _render_video if store.about.video is not None else _render_pictures
        report = render(store, job, choose, on_event)
        on_event(Saved(report))
        return report


def _render_video(
    store: Store, job: RenderJob, choose: Callable[[Scene], Scene], on_event: OnEvent
) -> Report:
    output = Place.of(store, "", None, job.overwrite).output
    results = output.folder
    name = results.name.removesuffix("_annotations")
    path = job.save_path or results.with_name(f"{name}{RENDERED}.mp4")
    with ExitStack() as stack:
        reader = stack.enter_context(open_source(store))
        check_save_path(path, reader.info.name)
        if output.is_in_the_way(path):
            raise in_the_way([path])
        _check_no_twin(path, output)

        scenes = overlap(map(choose, video_scenes(store, reader)))
        shown = stack.enter_context(closing(overlap(_drawn(scenes, Painter(job.draw)))))
        writer = VideoWriter(
            path, _info(store, reader), WriterConfig(encoder=job.encoder), put=partial(_put, output)
        )
        return _write(shown, writer, store, reader, on_event)


def _put(output: OutputFolder, finished: Path, path: Path) -> Path:
    """Give a video the name `path`, or one like it if something is in the way; returns it."""
    path = next(name for name in names_like(path) if not output.is_in_the_way(name))
    return output.put_beside(finished, path)


def _check_no_twin(path: Path, output: OutputFolder) -> None:
    """Raise SettingError if the annotations of the run would seem to be those of the video at `path`."""
    is_known = output.ledger.relative(path) in output.ledger.claim(RUN).files
    if annotations_folder(path).resolve() == output.folder.resolve() and not is_known:
        raise SettingError(
            f"{path} differs from the video of the run in its suffix alone, and {output.folder} would seem to"
            " be its annotations: give another name"
        )


def _write(
    shown: Iterable[tuple[Scene, Image]],
    writer: VideoWriter,
    store: Store,
    reader: VideoReader,
    on_event: OnEvent,
) -> Report:
    """Write the frames until the last; what is done when Ctrl-C comes is kept under a name that says so."""
    found, problem, total = FoundInVideo(), "", len(store)
    try:
        with working(), writer:
            for number, (scene, image) in enumerate(shown, start=1):
                with uninterrupted():
                    writer.write(replace(scene.frame, image=image))
                found.add(scene)
                on_event(Reached(number, total, "frame"))
            writer.end_time = store.end_time or reader.end_time
    except KeyboardInterrupt:
        problem = "interrupted"
    if writer.saved_path is None:
        return Report(0, None, found.found, (), problem=problem)
    anything_is_saved()
    return Report(writer.frame_count, None, found.found, (writer.saved_path,), problem=problem)


def _info(store: Store, reader: VideoReader) -> VideoInfo:
    """What the video shares with its source; the sound of a run that was ended is over with it."""
    info = reader.info
    if store.is_finished or info.audio is None:
        return info
    return replace(info, audio=replace(info.audio, ends_early=True))


def _drawn(scenes: overlap[Scene], painter: Painter) -> Iterator[tuple[Scene, Image]]:
    with closing(scenes):
        for scene in scenes:
            yield scene, painter(scene)


def _render_pictures(
    store: Store, job: RenderJob, choose: Callable[[Scene], Scene], on_event: OnEvent
) -> Report:
    check_pictures(store)
    place = Place.of(store, PICTURES, job.save_path, job.overwrite)
    state = place.begin()
    total, done, found, problem = len(store), 0, Found(), ""
    unread, kept = Names(), PathList()
    with closing(overlap(picture_scenes(store))) as pictures:
        try:
            with working():
                for number, (scene, missing) in enumerate(pictures, start=1):
                    if missing is not None:
                        unread.add(readable(str(missing)))
                    elif blocked := _draw(choose(scene), place, state, job.draw):
                        kept.extend(blocked)
                    else:
                        done, found = done + 1, found.with_scene(choose(scene))
                    on_event(Reached(number, total, "picture", scene.frame.name))
        except KeyboardInterrupt:
            problem = f"interrupted after {done} of {total}, which are complete"
    for line in [*([unread_line(unread)] if unread else []), *kept_lines(kept, place.output)]:
        on_event(Problem(line))
    saved = (place.folder,) if done else ()
    with_regions = job.draw.regions and has_regions(store)
    return Report(done, total, found, saved, problem=problem, with_regions=with_regions)


def _draw(scene: Scene, place: Place, state: Path, draw: DrawConfig) -> list[Path]:
    """Draw a picture and put it in place; returns what was in the way, if anything was."""
    key = scene.frame.stem
    with uninterrupted(), staging_folder(state / "picture") as staging:
        (staging / place.inner).mkdir(exist_ok=True)
        write_picture(staging / place.inner / f"{key}.jpg", overlay(scene, draw))
        kept = place.output.put(staging, key)
        if not kept:
            anything_is_saved()
    return kept
