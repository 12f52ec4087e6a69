"""What a detector sees in frames and, where there is a tracker, who is who from frame to frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.types import Detections, Frame, Image, IntArray, Tracks
from sav.detectors.protocol import Detector
from sav.sam.model import SamModel
from sav.stages.asking import Asked
from sav.stages.halving import in_halves
from sav.trackers import Tracker, compares_masks
from sav.uploads import shared

_NO_IMAGE: Image = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class Seen:
    """A frame and the objects that are to be cut out of it.

    Attributes:
        frame: The frame.
        detections: The N objects' boxes, scores and classes.
        track_ids: `(N,)` int64, their ids.
        candidates: All that the detector reported.
        is_tracked: Whether the ids hold from frame to frame.
        asked: What SAM was asked before it was known who is who; None where it was not.
        rows: `(N,)` int64, where the objects are among the candidates.
        shared: The frame's image as both models get it, uploaded once; by default the image itself.
    """

    frame: Frame
    detections: Detections
    track_ids: IntArray
    candidates: Detections
    is_tracked: bool = False
    asked: Asked | None = None
    rows: IntArray | None = None
    shared: Image = field(default_factory=lambda: _NO_IMAGE)

    def __post_init__(self) -> None:
        if self.shared is _NO_IMAGE:
            object.__setattr__(self, "shared", self.frame.image)

    @classmethod
    def in_picture(cls, frame: Frame, detections: Detections) -> Seen:
        """Objects numbered from 1."""
        return cls(frame, detections, numbers(len(detections)), detections)

    @classmethod
    def in_video(
        cls, frame: Frame, detections: Detections, tracks: Tracks, asked: Asked | None = None
    ) -> Seen:
        """The detections that tracks are made of, in the tracks' order, with the classes voted for them."""
        rows = tracks.detection_indices
        voted = replace(detections[rows], class_ids=tracks.class_ids)
        return cls(frame, voted, tracks.track_ids, detections, True, asked, rows)

    def with_masks(self, masks: Masks) -> Instances:
        """The objects, with a mask each."""
        found = self.detections
        return Instances(found.boxes_xyxy, found.scores, found.class_ids, self.track_ids, masks)


@dataclass(frozen=True)
class Found:
    """A frame and what the detector sees in it.

    Attributes:
        frame: The frame.
        shared: Its image as both models get it, uploaded once.
        detections: All that the detector reports.
    """

    frame: Frame
    shared: Image
    detections: Detections


def look(
    detector: Detector,
    frames: Sequence[Frame],
    tracker: Tracker | None = None,
    sam: SamModel | None = None,
) -> list[Seen]:
    """Detect in some frames at once and, where there is a tracker, follow the objects from frame to frame.

    A tracker that compares masks gets them from `sam`, frame by frame, where it asks for them.
    """
    return [follow(found, tracker, sam) for found in find(detector, frames)]


def find(detector: Detector, frames: Sequence[Frame]) -> list[Found]:
    """What the detector sees in some frames, which it takes at once; see `detected`."""
    images = [shared(frame.image) for frame in frames]
    given = [replace(frame, image=image) for frame, image in zip(frames, images, strict=True)]
    found = detected(detector, given)
    return [Found(*one) for one in zip(frames, images, found, strict=True)]


def follow(found: Found, tracker: Tracker | None = None, sam: SamModel | None = None) -> Seen:
    """The objects of a picture, or of the next frame of a video; see `look`."""
    frame, detections = found.frame, found.detections
    if tracker is None:
        seen = Seen.in_picture(frame, detections)
    elif sam is None or not compares_masks(tracker):
        (seen,) = followed([frame], [detections], tracker)
    else:
        asked = Asked(sam, replace(frame, image=found.shared), detections)
        tracks = tracker.update(detections, frame.image, ask=asked)
        seen = Seen.in_video(frame, asked.detections, tracks, asked)
    return replace(seen, shared=found.shared)


def detected(detector: Detector, frames: Sequence[Frame]) -> list[Detections]:
    """What the detector sees in some frames, which it takes at once.

    Raises:
        DeviceMemoryError: There is no memory for one of them alone.
    """
    in_frames: Callable[[Sequence[Frame]], list[Detections]] | None = getattr(detector, "in_frames", None)

    def found(some: Sequence[Frame]) -> list[Detections]:
        return in_frames(some) if in_frames else detector([frame.image for frame in some])

    return in_halves(found, frames, "take a smaller --imgsz, or --device cpu")


def followed(frames: Sequence[Frame], found: Sequence[Detections], tracker: Tracker) -> list[Seen]:
    """The objects of the next frames of a video, by what was detected in each."""
    return [
        Seen.in_video(frame, detections, tracker.update(detections, frame.image))
        for frame, detections in zip(frames, found, strict=True)
    ]


def numbers(count: int) -> IntArray:
    """The ids of a picture's objects, `(count,)` from 1."""
    return np.arange(1, count + 1, dtype=np.int64)
