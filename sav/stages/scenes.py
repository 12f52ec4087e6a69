"""Frames to scenes, of pictures and videos alike: detect, follow where there is a tracker, ask SAM."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np

from sav.config import MaskConfig
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import BoolArray, Detections, FloatArray, Frame, Image, IntArray, Tracks
from sav.sam.everything import segment_everything
from sav.sam.model import Embedding, SamModel
from sav.stages.halving import in_halves
from sav.stages.overlap import batched
from sav.trackers import Tracker

# Of what SAM finds by itself: the smallest share on labelled objects that counts as explained by them, and
# the pixels outside all of them of which a region must have more.
_EXPLAINED = 0.3
_LEAST_AREA = 100
# What to do where SAM does not fit.
_SMALLER = "take a smaller SAM checkpoint, --precision float16, or --device cpu"


class Detector(Protocol):
    """What finds boxes; `sav.detectors.yolo.Detector` is one, and a caller may bring another."""

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that it knows, id to name."""

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """The boxes in each `(H, W, 3)` uint8 BGR picture, the surest first."""


@dataclass(frozen=True)
class Seen:
    """A frame and the objects that are to be cut out of it.

    Attributes:
        frame: The frame.
        detections: The N objects' boxes, scores and classes.
        track_ids: `(N,)` int64, their ids.
        candidates: All that the detector reported.
        is_tracked: Whether the ids hold from frame to frame.
    """

    frame: Frame
    detections: Detections
    track_ids: IntArray
    candidates: Detections
    is_tracked: bool = False

    @classmethod
    def in_picture(cls, frame: Frame, detections: Detections) -> Seen:
        """Objects numbered from 1."""
        return cls(frame, detections, np.arange(1, len(detections) + 1), detections)

    @classmethod
    def in_video(cls, frame: Frame, detections: Detections, tracks: Tracks) -> Seen:
        """The detections that tracks are made of, in the tracks' order, with the classes voted for them."""
        chosen = detections[tracks.detection_indices]
        voted = Detections(chosen.boxes_xyxy, chosen.scores, tracks.class_ids)
        return cls(frame, voted, tracks.track_ids, detections, is_tracked=True)


def look(detector: Detector, frames: Sequence[Frame], tracker: Tracker | None = None) -> list[Seen]:
    """Detect in some frames at once and, where there is a tracker, follow the objects from frame to frame."""
    images = [frame.image for frame in frames]
    found = in_halves(detector, images, "take a smaller --imgsz, or --device cpu")
    pairs = zip(frames, found, strict=True)
    if tracker is None:
        return [Seen.in_picture(frame, detections) for frame, detections in pairs]
    return [
        Seen.in_video(frame, detections, tracker.update(detections, frame.image))
        for frame, detections in pairs
    ]


@dataclass(frozen=True)
class Cutter:
    """SAM, and how its masks become scenes.

    Attributes:
        sam: Sees only the boxes of objects that are shown.
        categories: Every class that the detector knows, id to name.
        masks: What is done with masks after SAM has made them.
        with_regions: Whether scenes get what SAM finds beyond the objects, too.
    """

    sam: SamModel
    categories: Mapping[int, str]
    masks: MaskConfig = MaskConfig()
    with_regions: bool = False

    def __call__(
        self, seen: Sequence[Seen], on_progress: Callable[[int, float], None] = lambda place, share: None
    ) -> list[Scene]:
        """The scenes of some frames, encoded at once; a frame that has nothing to ask for is not encoded.

        `on_progress` is told of each frame with regions, by its place, which share of those is found.
        """
        is_busy = [self.with_regions or len(one.detections) > 0 for one in seen]
        images = [one.frame.image for one, busy in zip(seen, is_busy, strict=True) if busy]
        embeddings = iter(in_halves(self.sam.embed, images, _SMALLER))
        return [
            self._scene(one, next(embeddings) if busy else None, partial(on_progress, place))
            for place, (one, busy) in enumerate(zip(seen, is_busy, strict=True))
        ]

    def _scene(self, seen: Seen, embedding: Embedding | None, on_progress: Callable[[float], None]) -> Scene:
        """One frame's scene; without an embedding there is nothing in it."""
        masks = everything = Masks.empty(seen.frame.size_hw)
        if embedding is not None:
            masks = self._masks(embedding, seen)
        kept = distinct(masks, seen, self.masks.duplicate_iou)
        if embedding is not None and self.with_regions:
            everything = segment_everything(self.sam, embedding, on_progress=on_progress)
        regions, region_ids = unexplained(everything, masks)
        return Scene(
            frame=seen.frame,
            detections=seen.detections[kept],
            masks=masks[kept],
            track_ids=seen.track_ids[kept] if seen.is_tracked else np.arange(1, np.count_nonzero(kept) + 1),
            categories=self.categories,
            everything=everything,
            regions=regions,
            region_ids=region_ids,
            is_tracked=seen.is_tracked,
            duplicates=int(np.count_nonzero(~kept)),
            candidates=seen.candidates,
        )

    def _masks(self, embedding: Embedding, seen: Seen) -> Masks:
        """A mask for each object."""

        def some(boxes: FloatArray) -> list[Masks]:
            return [self.sam.masks_from_boxes(embedding, boxes)]

        parts = in_halves(some, seen.detections.boxes_xyxy, _SMALLER)
        return parts[0] if len(parts) == 1 else Masks.concatenate(seen.frame.size_hw, parts)


def stream(
    detector: Detector,
    cutter: Cutter,
    frames: Iterable[Frame],
    tracker: Tracker | None = None,
    batch: int = 1,
    known: Iterable[Scene] = (),
) -> Iterator[Scene]:
    """Yield each frame's scene, in order.

    Args:
        detector: For a tracker it should report boxes from about 0.1 up, which makes use of weak ones.
        cutter: Makes the masks.
        frames: Pictures, or the frames of one video.
        tracker: A tracker that has seen nothing yet; None for pictures.
        batch: How many frames the detector and SAM's encoder take at once.
        known: What an earlier run with the same settings has found in the first frames; the tracker sees
            their candidates again, and the models are not asked.
    """
    frames = iter(frames)
    for scene in known:
        frame = next(frames, None)
        if frame is None:
            return
        if tracker is not None:
            tracker.update(scene.candidates, frame.image)
        yield replace(scene, frame=frame)
    for some in batched(frames, batch):
        yield from cutter(look(detector, some, tracker))


def distinct(masks: Masks, seen: Seen, duplicate_iou: float) -> BoolArray:
    """`(N,)` bool: which objects stay when of those of one class with the same mask only one does.

    In a picture the surest stays, which comes first; in a video the one that was followed first, which has
    the lowest id, so that ids do not take turns.
    """
    kept = np.ones(len(masks), np.bool_)
    if duplicate_iou >= 1 or len(masks) < 2:
        return kept
    classes = seen.detections.class_ids
    same = (masks.iou_matrix() > duplicate_iou) & (classes[:, None] == classes)
    np.fill_diagonal(same, False)
    # Only objects that have a double at all are gone through, those that stay before those that may go.
    for position in sorted(np.flatnonzero(same.any(axis=1)).tolist(), key=seen.track_ids.__getitem__):
        kept[same[position] & (seen.track_ids > seen.track_ids[position])] &= not kept[position]
    return kept


def unexplained(everything: Masks, objects: Masks) -> tuple[Masks, IntArray]:
    """The masks that no labelled object explains, less the objects' pixels, and their positions."""
    covered = objects.union()
    inside = everything.areas_inside(covered)
    outside = everything.areas - inside
    kept = np.flatnonzero((inside < _EXPLAINED * everything.areas) & (outside > _LEAST_AREA))
    return everything[kept].without(covered), kept
