"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from sav import cli
from sav.annotations.coco import CocoWriter
from sav.annotations.mot import MotWriter
from sav.annotations.writer import AnnotationWriter
from sav.draw import draw_tracks
from sav.files import publish, staging_folder
from sav.follow import follow
from sav.interrupts import uninterrupted
from sav.media.video import VideoDamagedError, VideoReader
from sav.media.writer import VideoWriter
from sav.pipeline import overlap
from sav.scene import Scene
from sav.segment import Segmenter
from sav.trackers import Tracker
from sav.types import Frame


@dataclass(frozen=True)
class Report:
    """How a run ended.

    Attributes:
        frames: Frames written.
        tracks: Different objects followed.
        saved_path: Where the video is; None if there was nothing to save.
        annotations: The folder of the annotation files.
        problem: What ended the run before the video's end; empty if nothing did.
    """

    frames: int
    tracks: int
    saved_path: Path | None
    annotations: Path
    problem: str

    @property
    def status(self) -> int:
        """The exit status that says how much was done."""
        if not self.problem:
            return cli.DONE
        return cli.PARTLY_DONE if self.saved_path else cli.FAILED

    def __str__(self) -> str:
        if self.saved_path is None:
            return "no frame was done, nothing is saved"
        return f"{self.frames} frames, {self.tracks} objects in {self.saved_path} and {self.annotations}"


def segment_video(
    reader: VideoReader, segmenter: Segmenter, tracker: Tracker, save_path: Path, batch: int = 1
) -> Report:
    """Segment and follow every object in a video, and write the pictures and what is known of them.

    Ctrl-C and a damaged end are not errors here: the frames until then are saved under a name that says so.
    A camera has no other end, so what it gave is the whole video.
    """
    last_track = 0
    with staging_folder(annotations_folder(save_path)) as staging:
        with ExitStack() as stack:
            writer = stack.enter_context(VideoWriter(save_path, reader.info))
            annotations = _annotation_writers(stack, staging, segmenter)
            shown = stack.enter_context(
                closing(overlap(_drawn(overlap(_scenes(reader, segmenter, tracker, batch)))))
            )
            progress = stack.enter_context(tqdm(total=reader.frame_count, unit="frame", dynamic_ncols=True))
            problem = ""
            try:
                for frame, scene, picture in shown:
                    with uninterrupted():
                        writer.write(picture)
                        for annotation in annotations:
                            annotation.write(frame, scene)
                    last_track = max([last_track, *scene.track_ids.tolist()])
                    progress.update()
            except KeyboardInterrupt:
                problem = "interrupted"
            except VideoDamagedError as error:
                problem = str(error)
            with uninterrupted():
                if problem and not reader.is_live:
                    writer.interrupt()
                else:
                    writer.end_time = reader.end_time
                    writer.close()
                    problem = ""
        folder = annotations_folder(writer.saved_path or save_path)
        if writer.saved_path:
            publish(staging, folder)
    return Report(writer.frame_count, last_track, writer.saved_path, folder, problem)


def annotations_folder(save_path: Path) -> Path:
    """Where the annotation files of the video at `save_path` go."""
    return save_path.with_name(f"{save_path.stem}_annotations")


def _annotation_writers(stack: ExitStack, folder: Path, segmenter: Segmenter) -> list[AnnotationWriter]:
    categories = segmenter.detector.categories
    return [
        stack.enter_context(MotWriter(folder / "mot.txt")),
        stack.enter_context(CocoWriter(folder / "coco.json", categories, with_tracks=True)),
    ]


def _scenes(
    reader: VideoReader, segmenter: Segmenter, tracker: Tracker, batch: int
) -> Iterator[tuple[Frame, Scene]]:
    """Frames with their scenes; decoding works ahead."""
    with closing(overlap(reader, capacity=2 * batch)) as frames:
        yield from follow(segmenter, frames, tracker, batch)


def _drawn(scenes: Iterable[tuple[Frame, Scene]]) -> Iterator[tuple[Frame, Scene, Frame]]:
    """Each frame and scene with the frame that is shown."""
    for frame, scene in scenes:
        yield frame, scene, Frame(draw_tracks(frame.image, scene), frame.index, frame.name, frame.time)
