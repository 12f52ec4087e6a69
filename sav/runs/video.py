"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from sav.config import SaveOptions
from sav.data.scene import Scene
from sav.data.types import Image
from sav.drawing import Painter
from sav.errors import VideoDamagedError, VideoError
from sav.formats.registry import VIDEO_FORMATS
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.addresses import local_path
from sav.media.mp4 import check_size
from sav.media.opening import ReaderConfig
from sav.media.reader import open_video
from sav.media.save_path import annotations_folder
from sav.media.video import VideoReader
from sav.media.writer import VideoWriter
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.report import Found, Report
from sav.runs.saving import Annotations, older_line
from sav.runs.video_results import VideoResults
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap
from sav.trackers import make_tracker


@dataclass(frozen=True)
class VideoJob:
    """What a run over a video is to do.

    Attributes:
        source: A video, a folder of numbered pictures, a camera's number, or an address.
        save_path: The MP4 to write; the annotations go beside it.
        start: First frame: its number, seconds or a time, as `open_video` takes it; None for the first.
        end: First frame that is not wanted, likewise.
        stride: Every how many frames one is taken.
        tracker: `botsort`, `bytetrack`, or a YAML file with ultralytics' tracker keys.
        formats: The formats of the annotations.
        options: What is wished of single formats.
        overwrite: Replace also files that are not ours, or not any more.
        batch: Frames that the models take at once; None for what suits the device and the source.
        max_megapixels: Million pixels above which a frame is refused; None for the usual limit.
    """

    source: str
    save_path: Path
    start: str | None = None
    end: str | None = None
    stride: int = 1
    tracker: str = "botsort"
    formats: tuple[str, ...] = tuple(VIDEO_FORMATS)
    options: SaveOptions = SaveOptions()
    overwrite: bool = False
    batch: int | None = None
    max_megapixels: float | None = None

    def open(self) -> VideoReader:
        """Open the source; see `open_video`.

        Raises:
            SavError: It cannot be read, or has frames of a size that cannot be written.
            OSError: There is no such source.
        """
        limits = ReaderConfig(max_megapixels=self.max_megapixels)
        reader = open_video(self.source, self.start, self.end, self.stride, limits)
        try:
            check_size(reader.info)
        except VideoError:
            reader.close()
            raise
        return reader

    def results(self) -> VideoResults:
        """Where the results go, after a look at what is in the way; see `VideoResults`."""
        return VideoResults(self.save_path, self.formats, self.overwrite, local_path(self.source))


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
        scenes = segmenter.track(reader, tracker=tracker, batch=job.batch)
        shown = stack.enter_context(closing(overlap(_drawn(overlap(scenes)))))
        folder = annotations_folder(results.save_path)
        target = Target(folder, segmenter.categories, reader.info, options=job.options)
        report = _write(shown, reader, results, target, on_event)
        on_event(Saved(report))
    return report


def _write(
    shown: Iterable[tuple[Scene, Image]],
    reader: VideoReader,
    results: VideoResults,
    target: Target,
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
