"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from sav.data.scene import Scene
from sav.data.types import Image
from sav.drawing import Painter
from sav.errors import VideoDamagedError, WriteError
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.save_path import annotations_folder
from sav.media.video import VideoReader
from sav.media.writer import VideoWriter
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.report import Found, Report
from sav.runs.saving import Annotations, older_line
from sav.runs.video_job import VideoJob
from sav.runs.video_results import VideoResults
from sav.runs.video_store import VideoStore
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap
from sav.trackers import make_tracker
from sav.wording import count


def run_video(
    job: VideoJob,
    segmenter: Segmenter,
    on_event: OnEvent = ignore,
    *,
    reader: VideoReader | None = None,
    results: VideoResults | None = None,
) -> Report:
    """Segment and follow every object in a video, and write the pictures and what is known of them.

    Ctrl-C, a damaged end and a full disk are not errors here: the frames until then are saved under a name
    that says so. A camera has no other end, so what it gave is the whole video; where it did not simply hang
    up, a note says what happened. A format that cannot be written is told of, and the others are. `Saved` is
    told as soon as all files are in place; the models may then still be in the middle of a frame, which
    nobody wants after Ctrl-C.

    Args:
        job: What to do.
        segmenter: The models.
        on_event: Is told how far the run is, and of what goes wrong.
        reader: The job's source, if it is open already; it is left open.
        results: The job's results, if somebody has looked already what is in the way.

    Raises:
        SavError: The source cannot be read, or there is no such tracker.
        OSError: There is no such source, or something is in the way of the results.
    """
    results = results or job.results()
    with ExitStack() as stack:
        reader = reader or stack.enter_context(job.open())
        tracker = make_tracker(job.tracker, frame_rate=float(reader.frame_rate))
        batch = job.batch or (1 if reader.is_live else segmenter.batch)
        store = stack.enter_context(VideoStore(job, segmenter, reader.info, batch))
        if job.resume:
            on_event(Note(f"going on after {count(store.known, 'frame')} of an earlier run"))
        scenes = segmenter.track(reader, tracker=tracker, batch=batch, known=store.scenes())
        shown = stack.enter_context(closing(overlap(_drawn(overlap(scenes)))))
        folder = annotations_folder(results.save_path)
        target = Target(folder, segmenter.categories, reader.info, options=job.options)
        report = _write(shown, reader, results, target, store, on_event)
        on_event(Saved(report))
    return report


def _write(
    shown: Iterable[tuple[Scene, Image]],
    reader: VideoReader,
    results: VideoResults,
    target: Target,
    store: VideoStore,
    on_event: OnEvent,
) -> Report:
    """Write the frames and annotations until the video's end, or whatever else ends it."""
    found = Found()
    problem = ""
    with ExitStack() as stack:
        with working():
            annotations = stack.enter_context(
                Annotations(results.formats, target, lambda line: on_event(Problem(line)))
            )
            annotations.output = None  # until there is a frame to tell of
            writer = VideoWriter(results.save_path, reader.info, put=results.put_video)
            stack.callback(_put_beside, annotations, results, writer)
            stack.enter_context(writer)
            on_event(Reached(0, reader.frame_count, "frame"))
            try:
                for number, (scene, overlay) in enumerate(shown, start=1):
                    with uninterrupted():
                        store.add(scene)
                        writer.write(replace(scene.frame, image=overlay))
                        annotations.write(scene)
                    found = found.with_scene(scene)
                    on_event(Reached(number, reader.frame_count, "frame"))
                writer.end_time = reader.end_time
                writer.close()
            except KeyboardInterrupt:
                problem = "" if reader.is_live else "interrupted"
            except VideoDamagedError as error:
                if reader.is_live:
                    on_event(Note(str(error)))
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
    folder = annotations.output.folder if annotations.output else None
    if folder and annotations.older:
        on_event(Note(older_line(annotations.older, folder)))
    is_kept = _keep(store, folder, None if problem else reader, on_event)
    return Report(
        done=writer.frame_count,
        wanted=None,
        found=found,
        saved=tuple(path for path in (writer.saved_path, folder) if path),
        problem=problem,
        left_out=reader.left_out,
        is_whole=annotations.is_whole and is_kept,
    )


def _keep(store: VideoStore, folder: Path | None, finished: VideoReader | None, on_event: OnEvent) -> bool:
    """Put the store beside the annotations, where there are any; False if it cannot be."""
    if folder is None:
        store.close()
        return True
    try:
        store.put(folder, finished)
    except WriteError as error:
        on_event(Problem(str(error)))
        return False
    return True


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
