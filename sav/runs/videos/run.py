"""A run over a video: read, follow, draw and write overlap; whatever ends it, what is done is kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from sav.data.types import Image
from sav.drawing.apart import Drawing, drawing
from sav.errors import ClusterError, SavError, VideoDamagedError, WorkerLostError, WriteError
from sav.formats.target import Target
from sav.interrupts import anything_is_saved, uninterrupted, working
from sav.media.h264 import WriterConfig
from sav.media.save_path import annotations_folder
from sav.media.video import VideoReader
from sav.media.writer import VideoWriter
from sav.runs.events import Note, OnEvent, Problem, Reached, Saved, ignore
from sav.runs.report import FoundInVideo, Report
from sav.runs.saving import Annotations, older_line
from sav.runs.videos.job import VideoJob
from sav.runs.videos.leftovers import remove_interrupted
from sav.runs.videos.models import VideoModels, at_hand
from sav.runs.videos.results import VideoResults
from sav.runs.videos.store import VideoStore
from sav.stages.overlap import overlap
from sav.stages.refine import Step, steps
from sav.trackers import make_tracker
from sav.wording import count

_INTERRUPTED = "interrupted"


def run_video(
    job: VideoJob, models: VideoModels | Callable[[], VideoModels], on_event: OnEvent = ignore
) -> Report:
    """Segment and follow every object in a video, and write the pictures and what is known of them.

    Ctrl-C, a damaged end and a full disk are not errors here: the frames until then are saved under a name
    that says so. A camera has no other end, so what it gave is the whole video; where it did not simply hang
    up, a note says what happened. A format that cannot be written is told of, and the others are. `Saved` is
    told as soon as all files are in place; the models may then still be in the middle of a frame, which
    nobody wants after Ctrl-C.

    Args:
        job: What to do.
        models: They, or what loads them as soon as the source is open and nothing is in the way.
        on_event: Is told how far the run is, and of what goes wrong.

    Raises:
        SavError: The source cannot be read, or there is no such tracker.
        OSError: There is no such source, or something is in the way of the results.
    """
    results = job.results()
    with ExitStack() as stack:
        reader = stack.enter_context(job.open())
        loaded = at_hand(models)
        tracker = make_tracker(job.tracker, frame_rate=float(reader.frame_rate))
        batch = job.batch or (1 if reader.is_live else loaded.batch)
        store = stack.enter_context(VideoStore(job, loaded, reader.info, batch))
        if job.resume:
            known = count(store.known, "frame")
            on_event(Note(f"going on after {known} of an earlier run{results.why_anew()}"))

        scenes = loaded.track(reader, tracker=tracker, batch=batch, regions=job.regions, known=store.scenes())
        refiner = loaded.refiner(float(reader.frame_rate), job.refine) if job.refine else None
        # Where many frames come in a second, Python would be held up; a camera's next one is waited for.
        pictures = drawing(job.draw, reader.info.size_hw, apart=batch > 1 and not reader.is_live)
        shown = stack.enter_context(closing(overlap(_drawn(overlap(steps(scenes, refiner)), pictures))))
        folder = annotations_folder(results.save_path)
        target = Target(folder, loaded.categories, reader.info, options=job.options)
        report = _Writing(reader, results, target, store, on_event).write(shown)
        if store.known and not report.problem and report.is_whole:
            _clear_away(job.save_path, on_event)
        on_event(Saved(report))
    return report


def _clear_away(save_path: Path, on_event: OnEvent) -> None:
    """Remove what the run left that this one went on with, or say that it stays."""
    try:
        with uninterrupted():
            staying = remove_interrupted(save_path)
    except (SavError, OSError) as error:
        on_event(Note(f"what the run left that was ended stays: {error}"))
        return
    for path in staying:
        places = f"{path} and {annotations_folder(path)} stay, of the run that was ended"
        on_event(Note(f"{places}: something there is not as this program wrote it"))


class _Writing:
    """The files of a run: the video, the annotations beside it, and the store among them."""

    def __init__(
        self,
        reader: VideoReader,
        results: VideoResults,
        target: Target,
        store: VideoStore,
        on_event: OnEvent,
    ) -> None:
        """Begin, without touching the disk."""
        self._reader, self._results, self._target = reader, results, target
        self._store, self._on_event = store, on_event
        self._found, self._problem = FoundInVideo(), ""

    def write(self, shown: Iterable[tuple[Step, Image | None]]) -> Report:
        """Write the frames and annotations until the video's end, or whatever else ends it."""
        with ExitStack() as stack:
            with working():
                annotations = stack.enter_context(
                    Annotations(
                        self._results.formats,
                        self._target,
                        lambda line: self._on_event(Problem(line)),
                        about={"looks": self._results.looks},
                    )
                )
                annotations.output = None  # until there is a frame to tell of
                writer = VideoWriter(
                    self._results.save_path,
                    self._reader.info,
                    WriterConfig(encoder=self._target.options.video_encoder),
                    put=self._results.put_video,
                )
                stack.callback(self._put_beside, annotations, writer)
                stack.enter_context(writer)
                self._go_through(shown, annotations, writer)
            with uninterrupted():
                annotations.make_room()
                self._end(writer)
                if writer.frame_count:
                    anything_is_saved()
        return self._report(annotations, writer)

    def _go_through(
        self, shown: Iterable[tuple[Step, Image | None]], annotations: Annotations, writer: VideoWriter
    ) -> None:
        """Write frame after frame, and keep in mind what ended it too early."""
        reader = self._reader
        self._reach(0)
        try:
            for step, overlay in shown:
                with uninterrupted():
                    self._store.add(step)
                    if step.shown is None or overlay is None:
                        continue
                    writer.write(replace(step.shown.frame, image=overlay))
                    annotations.write(step.shown)
                self._found.add(step.shown)
                self._reach(writer.frame_count)
            writer.end_time = reader.end_time
            writer.close()
        except KeyboardInterrupt:
            self._problem = "" if reader.is_live else _INTERRUPTED
        except VideoDamagedError as error:
            writer.end_time = reader.end_time  # all that it gave is written
            if reader.is_live:
                self._on_event(Note(str(error)))
            else:
                self._problem = str(error)
        except (OSError, ClusterError, WorkerLostError) as error:
            self._problem = str(error)

    def _reach(self, done: int) -> None:
        """Tell how far it is; frames that were known are drawn in no time, which is no pace to go by."""
        before = self._store.known if done >= self._store.known else 0
        self._on_event(Reached(done, self._reader.frame_count, "frame", before=before))

    def _end(self, writer: VideoWriter) -> None:
        """Save the video, under a name that says whether it is all there."""
        try:
            if self._problem:
                writer.interrupt()
            else:
                writer.close()
        except OSError as error:
            if str(error) not in self._problem:
                self._problem = "; ".join(filter(None, [self._problem, str(error)]))

    def _put_beside(self, annotations: Annotations, writer: VideoWriter) -> None:
        """Have the annotation files go beside the video, under whatever name it was saved."""
        annotations.output = self._results.annotations(writer.saved_path) if writer.frame_count else None

    def _report(self, annotations: Annotations, writer: VideoWriter) -> Report:
        folder = annotations.output.folder if annotations.output else None
        if folder and annotations.older:
            self._on_event(Note(older_line(annotations.older, folder)))
        is_kept = self._keep_store(folder)
        if self._problem == _INTERRUPTED and writer.frame_count and is_kept:
            self._problem += "; --resume goes on from there"
        return Report(
            done=writer.frame_count,
            wanted=None,
            found=self._found.found,
            saved=tuple(path for path in (writer.saved_path, folder) if path),
            problem=self._problem,
            left_out=self._reader.left_out,
            is_whole=annotations.is_whole and is_kept,
        )

    def _keep_store(self, folder: Path | None) -> bool:
        """Put the store beside the annotations, where there are any; False if it cannot be."""
        if folder is None:
            self._store.close()
            return True
        try:
            self._store.put(folder, None if self._problem else self._reader)
        except WriteError as error:
            self._on_event(Problem(str(error)))
            return False
        return True


def _drawn(run: overlap[Step], pictures: Drawing) -> Iterator[tuple[Step, Image | None]]:
    """Each step with the picture of what is shown.

    The thread of `run` ends with it, or C++ aborts later.
    """
    waiting: deque[Step] = deque()

    def ready(most: int) -> Iterator[tuple[Step, Image | None]]:
        while len(waiting) > most:
            step = waiting.popleft()
            yield step, None if step.shown is None else pictures.picture()

    with closing(run), closing(pictures):
        try:
            for step in run:
                if step.shown is not None:
                    pictures.ask(step.shown)
                waiting.append(step)
                yield from ready(pictures.ahead)
        except Exception:
            yield from ready(0)
            raise
        yield from ready(0)
