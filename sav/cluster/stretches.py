"""One long video on many workers: they detect and cut out its stretches, which are followed here in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any

from sav.cluster.connection import the_ray
from sav.cluster.failures import meaning
from sav.cluster.paces import Paces
from sav.cluster.placing import Workers, opened
from sav.cluster.pool import Pool
from sav.cluster.stretch_work import Cut, Detect, Failed, MakeMasks, StretchWork
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, FloatArray, Frame, Image
from sav.errors import WorkerLostError
from sav.media.video import VideoReader
from sav.runs.events import Note, OnEvent, ignore
from sav.segmenter import Segmenter
from sav.stages.overlap import overlap
from sav.stages.refine import RefineConfig, SceneRefiner
from sav.stages.stretches import (
    Crew,
    CutOut,
    Stretch,
    Wanted,
    stream_in_stretches,
    stretch_length,
)
from sav.trackers import Tracker, wants_looks
from sav.video_scenes import VideoScenes

# Tasks that a worker is at: one detects while the other cuts out, and frames of the next one come meanwhile.
_CONCURRENCY = 2
# Seconds between two looks whether there is room for more frames.
_PAUSE = 0.2


class StretchCrew:
    """The workers of a pool as a `Crew`."""

    def __init__(
        self, pool: Pool[Any, Any], batch: int, with_looks: bool, paces: Paces, window: int | None = None
    ) -> None:
        """Have them take `batch` frames at once, and note how fast; for `window` see `StretchVideoModels`."""
        self._pool, self._batch, self._with_looks, self._window = pool, batch, with_looks, window
        self._paces = paces
        self._placed = self._cut_out = 0  # stretches that were, so far
        self._is_over = False

    def place(self, frames: list[Frame]) -> Any:
        """Put the frames of a stretch into Ray's store, as soon as there is room.

        Raises:
            ClusterError: There is none, nor on the disk that Ray makes use of then, and nothing is on its way
                that would make any.
        """
        ray = the_ray()
        while True:
            try:
                place = ray.put(frames)
            except ray.exceptions.RayError as error:
                if self._is_over or self._placed <= self._cut_out:
                    raise meaning(error) from error
                time.sleep(_PAUSE)
            else:
                self._placed += 1
                return place

    def detect(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[Detections]]]:
        """See `Crew`."""
        return self._ordered(stretches, lambda one: Detect(one.place, self._batch, self._with_looks))

    def cut_out(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[CutOut]]]:
        """See `Crew`."""
        return self._ordered(stretches, lambda one: Cut(one.place, self._batch, _wanted(one)))

    def _ordered(
        self, stretches: Iterable[Stretch], task_of: Callable[[Stretch], Any]
    ) -> Iterator[tuple[Stretch, Any]]:
        begun: deque[Stretch] = deque()

        def tasks() -> Iterator[Any]:
            for stretch in stretches:
                begun.append(stretch)
                yield task_of(stretch)

        try:
            for done in self._pool.ordered(tasks(), self._window):
                stretch = begun.popleft()
                if isinstance(done.task, Cut):
                    self._cut_out += 1
                    self._paces.add(done.worker, len(stretch.frames))
                yield stretch, _value(done.value, _name(stretch.frames))
        finally:  # also where nobody wants more: who waits for room need not, then
            self._is_over = True


class StretchVideoModels:
    """The models of a run over a video that many workers have; see `sav.runs.videos.models.VideoModels`.

    Attributes:
        categories: Every class that the detector knows, id to name.
        checkpoint_hashes: The SHA-256 of each file that they come from.
        batch: How many frames they take at once where nothing else is said.
        paces: How many frames each worker has cut out, and how fast.
    """

    def __init__(self, pool: Pool[Any, Any], window: int | None = None) -> None:
        """Wait for the first worker.

        Args:
            pool: The workers.
            window: How many stretches may be on their way to be detected in, and how many to be cut out.

        Raises:
            ClusterError: There is no worker.
        """
        self._pool, self._window, self._hello = pool, window, pool.ready()
        self.paces = Paces("frame")
        self.categories: Mapping[int, str] = self._hello.categories
        self.checkpoint_hashes: dict[str, str] = self._hello.checkpoint_hashes
        self.batch: int = self._hello.batch

    def settings(self, for_video: bool) -> dict[str, Any]:
        """All that is set and changes what is found in a video, in words that JSON knows."""
        return dict(self._hello.settings)

    def track(
        self,
        source: VideoReader,
        *,
        tracker: Tracker,
        batch: int,
        regions: bool = False,
        known: Iterable[Scene] = (),
    ) -> VideoScenes:
        """Each frame's scene, in order, as `Segmenter.track` gives it; regions are none.

        Raises:
            WorkerLostError: In its place, if a stretch killed the worker that was at it, twice.
            ClusterError: There are no workers any more.
        """
        crew = StretchCrew(self._pool, batch, wants_looks(tracker), self.paces, self._window)
        length = stretch_length(source.size_hw, batch)
        return VideoScenes(self._overlapped(crew, source, tracker, length, known), source.info)

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        """What puts the scenes of one video right; a worker's SAM makes the masks that are missing."""
        return SceneRefiner(self._masks, frame_rate=frame_rate, config=refine)

    def _overlapped(
        self, crew: Crew, source: VideoReader, tracker: Tracker, length: int, known: Iterable[Scene]
    ) -> Iterator[Scene]:
        with closing(overlap(source, capacity=length)) as ahead:
            yield from stream_in_stretches(crew, self.categories, ahead, tracker, length, known)

    def _masks(self, image: Image, boxes_xyxy: FloatArray) -> Masks:
        (done,) = self._pool.ordered([MakeMasks(image, boxes_xyxy)])
        masks: Masks = _value(done.value, "frames that are refined")
        return masks


@contextmanager
def stretch_models(
    workers: Workers, load: Callable[[], Segmenter], on_event: OnEvent = ignore
) -> Iterator[Callable[[], StretchVideoModels]]:
    """What starts workers for a run over a video, as soon as it is called; they end with the block.

    Args:
        workers: How many, and where.
        load: Loads the models, in each worker's process; is pickled.
        on_event: Is told what is to be known of the workers.
    """
    started: list[StretchVideoModels] = []
    with ExitStack() as stack:

        def start() -> StretchVideoModels:
            cluster, share = stack.enter_context(opened(workers))
            if not share.is_room:
                on_event(Note(f"there is no room for {share.workers} workers yet: some begin when there is"))
            pool = stack.enter_context(Pool(cluster, share, partial(StretchWork, load), _CONCURRENCY))
            # One more than workers can be at, since their frames take memory.
            started.append(StretchVideoModels(pool, _CONCURRENCY * share.workers + 1))
            return started[-1]

        yield start
    for line in (line for models in started for line in models.paces.lines()):
        on_event(Note(line))


def _wanted(stretch: Stretch) -> list[Wanted]:
    return [Wanted.of(seen) for seen in stretch.seen]


def _value(value: Any, what: str) -> Any:
    """What came of a task.

    Raises:
        WorkerLostError: Two workers died of it.
        Exception: What the models raised.
    """
    if isinstance(value, WorkerLostError):
        raise WorkerLostError(f"{what} ended two workers that were at them; the frames before that are good")
    if isinstance(value, Failed):
        raise value.error from _InWorkerError(value.trace)
    return value


class _InWorkerError(Exception):
    """Where in a worker's process an error came from."""


def _name(frames: Sequence[Frame]) -> str:
    return f"frames {frames[0].index} to {frames[-1].index}"
