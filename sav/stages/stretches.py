"""One video in stretches, for several workers: detect anywhere, follow in order, cut out anywhere.

Batches are those of a run that one worker does, so the models compute the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import Arrays, Detections, Frame, IntArray
from sav.detectors.protocol import Detector
from sav.stages.look import Seen, detected, followed
from sav.stages.overlap import batched, overlap
from sav.stages.scenes import Cutter
from sav.stages.stream import again
from sav.trackers import Tracker
from sav.uploads import shared

T = TypeVar("T")

# Batches and bytes of pictures of which a stretch has no more, but for one batch: much more of them are on
# their way at once, and little more would be gained.
_MOST_BATCHES, _MOST_BYTES = 4, 32_000_000


@dataclass(frozen=True, eq=False)
class Wanted(Arrays):
    """The N objects that are to be cut out of a frame.

    Attributes:
        detections: Their boxes, scores and classes.
        track_ids: `(N,)` int64, their ids.
    """

    detections: Detections
    track_ids: IntArray

    @classmethod
    def of(cls, seen: Seen) -> Wanted:
        """What was seen, without what SAM need not know."""
        found = seen.detections
        return cls(Detections(found.boxes_xyxy, found.scores, found.class_ids), seen.track_ids)


@dataclass(frozen=True, eq=False)
class CutOut(Arrays):
    """What was cut out of a frame.

    Attributes:
        objects: The objects that are shown, with their masks.
        duplicates: How many were left out, see `Scene`.
    """

    objects: Instances
    duplicates: int

    def scene(self, seen: Seen, categories: Mapping[int, str]) -> Scene:
        """The scene of the frame in which it was seen."""
        nothing = Instances.empty(seen.frame.size_hw)
        return Scene(
            frame=seen.frame,
            objects=self.objects,
            regions=nothing,
            categories=categories,
            everything=nothing,
            is_tracked=True,
            duplicates=self.duplicates,
            candidates=seen.candidates,
        )


@dataclass(frozen=True)
class StretchModels:
    """The models of one worker.

    Attributes:
        detector: Finds boxes, and looks if the tracker wants them.
        cutter: Makes the masks.
    """

    detector: Detector
    cutter: Cutter

    def detect(self, frames: Sequence[Frame], batch: int) -> list[Detections]:
        """What the detector, which takes `batch` frames at once, sees in each frame of a stretch.

        Raises:
            DeviceMemoryError: There is no memory for a frame alone.
        """
        given = (replace(frame, image=shared(frame.image)) for frame in frames)
        return [found for some in batched(given, batch) for found in detected(self.detector, some)]

    def cut_out(self, frames: Sequence[Frame], wanted: Sequence[Wanted], batch: int) -> list[CutOut]:
        """The objects of each frame of a stretch, by SAM's encoder that takes `batch` of them at once.

        Raises:
            DeviceMemoryError: There is no memory for a frame alone.
        """
        seen = (
            Seen(frame, one.detections, one.track_ids, one.detections, is_tracked=True)
            for frame, one in zip(frames, wanted, strict=True)
        )
        scenes = (scene for some in batched(seen, batch) for scene in self.cutter(some))
        return [CutOut(scene.objects, scene.duplicates) for scene in scenes]


class Crew(Protocol):
    """Workers that have `StretchModels` each; what they are asked for comes in the order of the stretches.

    They work ahead by a number of stretches that is bounded. An error comes in its place.
    """

    def place(self, frames: list[Frame]) -> Any:
        """Put the frames of a stretch where workers find them; returns what they find them by."""

    def detect(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[Detections]]]:
        """Each stretch with what the detector sees in its frames."""

    def cut_out(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[CutOut]]]:
        """Each stretch with what is cut out of its frames, once it is known what was `seen` in them."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Some frames of a video that follow each other.

    Attributes:
        frames: They.
        place: Where workers find them, see `Crew.place`.
        seen: The objects in each, as soon as they are followed.
    """

    frames: list[Frame]
    place: Any
    seen: Sequence[Seen] = ()


def stretch_length(size_hw: tuple[int, int], batch: int) -> int:
    """How many frames of a height and width a stretch has: whole batches, and not too much in bytes."""
    height, width = size_hw
    most = min(_MOST_BATCHES * batch, _MOST_BYTES // (height * width * 3))
    return max(1, most // batch) * batch


def stream_in_stretches(
    crew: Crew,
    categories: Mapping[int, str],
    frames: Iterable[Frame],
    tracker: Tracker,
    length: int,
    known: Iterable[Scene] = (),
) -> Iterator[Scene]:
    """Yield each frame's scene, in order; the same as `stream` gives.

    The tracker goes over a stretch as soon as its detections are there, while workers are at those before it
    and after it, so what is in memory does not grow with the video.

    Args:
        crew: Who detects and cuts out.
        categories: Every class that the detector knows, id to name.
        frames: The frames of one video.
        tracker: A tracker that has seen nothing yet and compares no masks.
        length: How many frames a stretch has, whole batches of the workers.
        known: What an earlier run with the same settings has found in the first frames, whole batches.
    """
    frames = iter(frames)
    yield from again(known, frames, tracker)
    with closing(overlap(_placed(crew, frames, length), capacity=1)) as placed:
        read = _Held(placed)
        tracked = _Held(_followed(found, tracker) for found in crew.detect(read))
        for stretch, cut in crew.cut_out(tracked):
            pairs = zip(stretch.seen, cut, strict=True)
            yield from (one.scene(seen, categories) for seen, one in pairs)
        for held in (tracked, read):  # an error in detecting comes before one in reading further on
            held.release()


def _placed(crew: Crew, frames: Iterable[Frame], length: int) -> Iterator[Stretch]:
    for some in batched(frames, length):
        yield Stretch(some, crew.place(some))


def _followed(found: tuple[Stretch, list[Detections]], tracker: Tracker) -> Stretch:
    stretch, detections = found
    return replace(stretch, seen=followed(stretch.frames, detections, tracker))


class _Held(Generic[T]):
    """The items of another iterable, and its error kept back until what came before it is done."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = items
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        try:
            yield from self._items
        except Exception as error:  # raised by `release`
            self._error = error

    def release(self) -> None:
        """Raise the error, if there was one."""
        if self._error is not None:
            raise self._error
