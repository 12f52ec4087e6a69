"""The overlay pictures or the MP4 of a run that is over, drawn anew out of its store, without models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sav.data.scene import Scene
from sav.data.types import Image
from sav.detectors.names import resolve_classes
from sav.drawing import DrawConfig, Painter, overlay
from sav.errors import SettingError
from sav.files import staging_folder
from sav.folder.guarded import in_the_way
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.h264 import WriterConfig
from sav.media.pictures import write_picture
from sav.media.save_path import check_save_path
from sav.media.video import VideoInfo, VideoReader
from sav.media.writer import VideoWriter
from sav.runs.events import OnEvent, Reached, Saved, ignore
from sav.runs.report import Found, Report
from sav.runs.stored import Place, check_source, open_source, opened, picture_scenes, video_scenes
from sav.stages.overlap import overlap
from sav.store import Store

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
        """What leaves of a scene the objects that are shown.

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
            return scene[kept]

        return choose


def run_render(job: RenderJob, on_event: OnEvent = ignore) -> Report:
    """Draw a run's scenes on its pictures or frames, which are read again.

    With the same settings the pictures are those of the run itself, to the last bit.

    Raises:
        FileNotFoundError: There is no store of such a run.
        FileExistsError: Something that is not ours has the name of a result.
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

        scenes = overlap(map(choose, video_scenes(store, reader)))
        shown = stack.enter_context(closing(overlap(_drawn(scenes, Painter(job.draw)))))
        writer = VideoWriter(
            path, _info(store, reader), WriterConfig(encoder=job.encoder), put=output.put_beside
        )
        return _write(shown, writer, store, reader, on_event)


def _write(
    shown: Iterable[tuple[Scene, Image]],
    writer: VideoWriter,
    store: Store,
    reader: VideoReader,
    on_event: OnEvent,
) -> Report:
    """Write the frames until the last; what is done when Ctrl-C comes is kept under a name that says so."""
    found, problem, total = Found(), "", len(store)
    try:
        with working(), writer:
            for number, (scene, image) in enumerate(shown, start=1):
                with uninterrupted():
                    writer.write(replace(scene.frame, image=image))
                found = found.with_scene(scene)
                on_event(Reached(number, total, "frame"))
            writer.end_time = store.end_time or reader.end_time
    except KeyboardInterrupt:
        problem = "interrupted"
    if writer.saved_path is None:
        return Report(0, None, found, (), problem=problem)
    anything_is_saved()
    return Report(writer.frame_count, None, found, (writer.saved_path,), problem=problem)


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
    place = Place.of(store, PICTURES, job.save_path, job.overwrite)
    total, found = len(store), Found()
    check_source(store)
    keys = store.keys()
    paths = (place.folder / f"{key}.jpg" for key in keys)
    blocked = [path for path in paths if place.output.is_in_the_way(path)]
    if blocked:
        raise in_the_way(blocked)

    state = place.begin()
    done, problem = 0, ""
    with closing(overlap(map(choose, picture_scenes(store)))) as scenes:
        try:
            with working():
                for scene in scenes:
                    key = scene.frame.stem
                    with uninterrupted(), staging_folder(state / "picture") as staging:
                        (staging / place.inner).mkdir(exist_ok=True)
                        write_picture(staging / place.inner / f"{key}.jpg", overlay(scene, job.draw))
                        place.output.put(staging, key)
                        anything_is_saved()
                    done, found = done + 1, found.with_scene(scene)
                    on_event(Reached(done, total, "picture", scene.frame.name))
        except KeyboardInterrupt:
            problem = f"interrupted after {done} of {total}, which are complete"
    return Report(done, total, found, (place.folder,), problem=problem)
