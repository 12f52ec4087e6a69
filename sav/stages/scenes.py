"""Frames to scenes, of pictures and videos alike: detect, follow where there is a tracker, ask SAM."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from sav.config import EverythingConfig, MaskConfig
from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import BoolArray, Detections, Frame, Image, IntArray, Tracks
from sav.detectors.protocol import Detector
from sav.sam.everything import segment_everything
from sav.sam.model import Embedding, SamModel
from sav.stages.asking import SMALLER, Asked, boxed_masks
from sav.stages.halving import in_halves
from sav.stages.regions import RegionFollower
from sav.stages.unexplained import unexplained
from sav.trackers import Tracker, compares_masks
from sav.uploads import forget, shared

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
        return cls(frame, detections, _numbers(len(detections)), detections)

    @classmethod
    def in_video(
        cls, frame: Frame, detections: Detections, tracks: Tracks, asked: Asked | None = None
    ) -> Seen:
        """The detections that tracks are made of, in the tracks' order, with the classes voted for them."""
        rows = tracks.detection_indices
        voted = replace(detections[rows], class_ids=tracks.class_ids)
        return cls(frame, voted, tracks.track_ids, detections, True, asked, rows)


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


@dataclass(frozen=True)
class Cutter:
    """SAM, and how its masks become scenes.

    Attributes:
        sam: Sees only the boxes of objects that are shown.
        categories: Every class that the detector knows, id to name.
        masks: What is done with masks after SAM has made them.
        with_regions: Whether scenes get what SAM finds beyond the objects, too.
        everything: How SAM looks for that.
        follower: Gives the frames of a video their regions, with ids that last; None where there are none,
            and for pictures.
    """

    sam: SamModel
    categories: Mapping[int, str]
    masks: MaskConfig = MaskConfig()
    with_regions: bool = False
    everything: EverythingConfig = EverythingConfig()
    follower: RegionFollower | None = None

    def __call__(
        self, seen: Sequence[Seen], on_progress: Callable[[int, float], None] = lambda place, share: None
    ) -> list[Scene]:
        """The scenes of some frames, encoded at once.

        `on_progress` is told of each frame with regions, by its place, which share of those is found.
        """
        return self.cut(seen, self.embed(seen), on_progress)

    def embed(self, seen: Sequence[Seen]) -> list[Embedding | None]:
        """Some frames as SAM sees them; a frame that has nothing to ask for is not encoded."""
        with_regions = self.with_regions or self.follower is not None
        is_busy = [with_regions or len(one.detections) > 0 for one in seen]
        known = [one.asked.embedding if one.asked else None for one in seen]
        is_new = [busy and there is None for busy, there in zip(is_busy, known, strict=True)]
        images = [one.shared for one, new in zip(seen, is_new, strict=True) if new]
        embeddings = iter(in_halves(self.sam.embed, images, SMALLER))
        for one in seen:
            forget(one.shared)
        return [next(embeddings) if new else there for new, there in zip(is_new, known, strict=True)]

    def cut(
        self,
        seen: Sequence[Seen],
        embeddings: Sequence[Embedding | None],
        on_progress: Callable[[int, float], None] = lambda place, share: None,
    ) -> list[Scene]:
        """The scenes of some frames that `embed` has encoded; see there and `__call__`."""
        pairs = enumerate(zip(seen, embeddings, strict=True))
        return [self._scene(one, embedding, partial(on_progress, place)) for place, (one, embedding) in pairs]

    def _scene(self, seen: Seen, embedding: Embedding | None, on_progress: Callable[[float], None]) -> Scene:
        """One frame's scene; without an embedding there is nothing in it."""
        nothing = Instances.empty(seen.frame.size_hw)
        objects = nothing if embedding is None else self._objects(embedding, seen)
        kept = distinct(objects, self.masks.duplicate_iou)
        shown = objects if kept.all() else objects[kept]  # as it is, what is known of its masks stays
        if not seen.is_tracked:
            shown = replace(shown, ids=_numbers(len(shown)))

        regions = everything = nothing
        if embedding is not None and self.follower is not None:
            regions = self.follower(seen.frame, embedding, shown.masks, on_progress)
        elif embedding is not None and self.with_regions:
            everything = segment_everything(self.sam, embedding, self.everything, on_progress)
            regions = unexplained(everything, objects.masks)
        return Scene(
            frame=seen.frame,
            objects=shown,
            regions=regions,
            categories=self.categories,
            everything=everything,
            is_tracked=seen.is_tracked,
            duplicates=len(objects) - len(shown),
            candidates=seen.candidates,
        )

    def _objects(self, embedding: Embedding, seen: Seen) -> Instances:
        """What was seen, with a mask each."""
        found = seen.detections
        if seen.asked is not None and seen.rows is not None:
            masks = seen.asked.masks(embedding, seen.rows)
        else:
            masks = boxed_masks(self.sam, embedding, found.boxes_xyxy, seen.frame.size_hw)
        return Instances(found.boxes_xyxy, found.scores, found.class_ids, seen.track_ids, masks)


def distinct(objects: Instances, duplicate_iou: float) -> BoolArray:
    """`(N,)` bool: which objects stay when of those of one class with the same mask only one does.

    In a picture the surest stays, which comes first; in a video the one that was followed first, which has
    the lowest id, so that ids do not take turns.
    """
    kept = np.ones(len(objects), np.bool_)
    if duplicate_iou >= 1 or len(objects) < 2:
        return kept
    classes, ids = objects.class_ids, objects.ids
    same = (objects.masks.highest_ious() > duplicate_iou) & (classes[:, None] == classes)
    np.fill_diagonal(same, False)
    if not same.any():  # nearly always, and then nothing is counted
        return kept
    same &= objects.masks.iou_matrix() > duplicate_iou
    # Only objects that have a double at all are gone through, those that stay before those that may go.
    for position in sorted(np.flatnonzero(same.any(axis=1)).tolist(), key=ids.__getitem__):
        kept[same[position] & (ids > ids[position])] &= not kept[position]
    return kept


def _numbers(count: int) -> IntArray:
    """The ids of a picture's objects."""
    return np.arange(1, count + 1, dtype=np.int64)
