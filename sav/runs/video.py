"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

from sav.commands.console import Progress, tell_error, tell_note
from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.data.types import Image
from sav.drawing import Painter
from sav.formats.saving import Annotations
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.save_path import annotations_folder
from sav.media.video import VideoDamagedError, VideoReader
from sav.media.writer import VideoWriter
from sav.runs.report import Found, Report
from sav.runs.video_results import VideoResults
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap
from sav.trackers import Tracker


def segment_video(
    reader: VideoReader,
    segmenter: Segmenter,
    tracker: Tracker,
    results: VideoResults,
    batch: int | None = None,
    options: SaveOptions = SaveOptions(),
    when_saved: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Segment and follow every object in a video, and write the pictures and what is known of them.

    Ctrl-C, a damaged end and a full disk are not errors here: the frames until then are saved under a name
    that says so. A camera has no other end, so what it gave is the whole video; where it did not simply hang
    up, a line on stderr says what happened. A format that cannot be written is told of, and the others are.
    `when_saved` is called as soon as all files are in place; the models may then still be in the middle of a
    frame, which nobody wants after Ctrl-C.
    """
    scenes = segmenter.track(reader, tracker=tracker, batch=batch)
    with closing(overlap(_drawn(overlap(scenes)))) as shown:
        folder = annotations_folder(results.save_path)
        target = Target(folder, segmenter.categories, reader.info, options=options)
        report = _write(shown, reader, results, target)
        when_saved(report)
    return report


def _write(
    shown: Iterable[tuple[Scene, Image]], reader: VideoReader, results: VideoResults, target: Target
) -> Report:
    """Write the frames and annotations until the video's end, or whatever else ends it."""
    found = Found()
    problem = ""
    with ExitStack() as stack:
        with working():
            annotations = stack.enter_context(Annotations(results.formats, target, tell_error))
            writer = VideoWriter(results.save_path, reader.info, put=results.put_video)
            stack.callback(_put_beside, annotations, results, writer)
            stack.enter_context(writer)
            try:
                with Progress(reader.frame_count, "frame") as progress:
                    for number, (scene, overlay) in enumerate(shown, start=1):
                        with uninterrupted():
                            writer.write(replace(scene.frame, image=overlay))
                            annotations.write(scene)
                        found = found.with_scene(scene)
                        progress.reach(number)
                writer.end_time = reader.end_time
                writer.close()
            except KeyboardInterrupt:
                problem = "" if reader.is_live else "interrupted"
            except VideoDamagedError as error:
                if reader.is_live:
                    tell_note(error)
                else:
                    problem = str(error)
            except OSError as error:
                problem = str(error)
        with uninterrupted():
            annotations.make_room()
            writer.end_time = reader.end_time
            problem = _end(writer, problem)
            if writer.frame_count:
                anything_is_saved()
    folder = annotations.output.folder if annotations.output else target.folder
    return Report(
        done=writer.frame_count,
        wanted=None,
        found=found,
        saved=tuple(path for path in (writer.saved_path, folder) if path),
        problem=problem,
        left_out=reader.left_out,
        is_whole=annotations.is_whole,
    )


def _end(writer: VideoWriter, problem: str) -> str:
    """Save the video; returns what kept it from being all there."""
    try:
        if problem:
            writer.interrupt()
        else:
            writer.close()
    except OSError as error:
        return problem if str(error) in problem else "; ".join(filter(None, [problem, str(error)]))
    return problem


def _put_beside(annotations: Annotations, results: VideoResults, writer: VideoWriter) -> None:
    """Have the annotation files go beside the video, under whatever name it was saved."""
    annotations.output = results.annotations(writer.saved_path) if writer.frame_count else None


def _drawn(scenes: overlap[Scene]) -> Iterator[tuple[Scene, Image]]:
    """Each scene with the picture that is shown; the thread of `scenes` ends with it, or C++ aborts later."""
    painter = Painter()
    with closing(scenes):
        for scene in scenes:
            yield scene, painter(scene)
