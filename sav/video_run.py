"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from sav.annotations.formats import VIDEO_FORMATS
from sav.annotations.saving import Annotations
from sav.annotations.target import Target
from sav.config import SaveOptions
from sav.console import DONE, FAILED, PARTLY_DONE, Progress, count, tell_note
from sav.drawing import Painter
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.save_path import annotations_folder
from sav.media.video import VideoDamagedError, VideoReader
from sav.media.writer import VideoWriter
from sav.pipeline import overlap
from sav.scene import Scene
from sav.segment import Segmenter
from sav.trackers import Tracker
from sav.types import Image


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Attributes:
        frames: Frames written.
        tracks: Different objects followed.
        saved_path: Where the video is; None if there was nothing to save.
        annotations: The folder of the annotation files.
        problem: What ended the run before the video's end; empty if nothing did.
        left_out: Frames that could not be read, while others after them could.
    """

    frames: int
    tracks: int
    saved_path: Path | None
    annotations: Path
    problem: str
    left_out: int = 0

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        if not self.problem and not self.left_out:
            return DONE
        return PARTLY_DONE if self.saved_path else FAILED

    def __str__(self) -> str:
        if self.saved_path is None:
            return "no frame was done, nothing is saved"
        found = f"{count(self.frames, 'frame')}, {count(self.tracks, 'object')}"
        return f"{found} in {self.saved_path} and {self.annotations}"


def segment_video(
    reader: VideoReader,
    segmenter: Segmenter,
    tracker: Tracker,
    save_path: Path,
    batch: int | None = None,
    formats: Sequence[str] = VIDEO_FORMATS,
    options: SaveOptions = SaveOptions(),
    when_saved: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Segment and follow every object in a video, and write the pictures and what is known of them.

    Ctrl-C and a damaged end are not errors here: the frames until then are saved under a name that says so.
    A camera has no other end, so what it gave is the whole video; where it did not simply hang up, a line on
    stderr says what happened. `when_saved` is called as soon as all files are in place; the models may then
    still be in the middle of a frame, which nobody wants after Ctrl-C.
    """
    scenes = segmenter.track(reader, tracker=tracker, batch=batch)
    with closing(overlap(_drawn(overlap(scenes)))) as shown:
        target = Target(annotations_folder(save_path), segmenter.categories, reader.info, options=options)
        report = _write(shown, reader, save_path, formats, target)
        when_saved(report)
    return report


def _write(
    shown: Iterable[tuple[Scene, Image]],
    reader: VideoReader,
    save_path: Path,
    formats: Sequence[str],
    target: Target,
) -> Report:
    """Write the frames and annotations until the video's end, or whatever else ends it."""
    last_track = 0
    problem = ""
    with ExitStack() as stack:
        with working():
            annotations = stack.enter_context(Annotations(formats, target))
            writer = VideoWriter(save_path, reader.info)
            stack.callback(_put_beside, annotations, writer)
            stack.enter_context(writer)
            try:
                with Progress(reader.frame_count, "frame") as progress:
                    for number, (scene, overlay) in enumerate(shown, start=1):
                        with uninterrupted():
                            writer.write(replace(scene.frame, image=overlay))
                            annotations.write(scene)
                        last_track = max([last_track, *scene.track_ids.tolist()])
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
        with uninterrupted():
            writer.end_time = reader.end_time
            if problem:
                writer.interrupt()
            else:
                writer.close()
            if writer.saved_path:
                anything_is_saved()
    folder = annotations.folder or target.folder
    return Report(writer.frame_count, last_track, writer.saved_path, folder, problem, reader.left_out)


def _put_beside(annotations: Annotations, writer: VideoWriter) -> None:
    """Have the annotation files go beside the video, under whatever name it was saved, or nowhere."""
    annotations.folder = annotations_folder(writer.saved_path) if writer.saved_path else None


def _drawn(scenes: Iterable[Scene]) -> Iterator[tuple[Scene, Image]]:
    """Each scene with the picture that is shown."""
    painter = Painter()
    for scene in scenes:
        yield scene, painter(scene)
