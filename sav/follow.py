"""Frames to scenes with identities: detect, track, and ask SAM for the tracks that live in each frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from sav.detect import Detector
from sav.masks import Masks
from sav.pipeline import batched
from sav.sam.model import SamModel
from sav.scene import Scene
from sav.trackers import Tracker
from sav.types import Detections, Frame, Tracks


def follow(
    detector: Detector, sam: SamModel, frames: Iterable[Frame], tracker: Tracker, batch: int = 1
) -> Iterator[Scene]:
    """Yield each frame's scene, in order.

    Args:
        detector: Should report boxes from about 0.1 up: trackers make use of weak ones.
        sam: Sees only the boxes that a track is made of.
        frames: The frames of one video.
        tracker: A tracker that has seen nothing yet.
        batch: How many frames the detector and SAM's encoder take at once.
    """
    for some in batched(frames, batch):
        found = detector([frame.image for frame in some])
        tracked = [
            (frame, _as_tracked(detections, tracks), tracks)
            for frame, detections in zip(some, found, strict=True)
            for tracks in [tracker.update(detections, frame.image)]
        ]
        masks = _masks(sam, [(frame, detections) for frame, detections, _ in tracked])
        for (frame, detections, tracks), objects in zip(tracked, masks, strict=True):
            nothing = Masks.empty(frame.size_hw)
            yield Scene(
                frame=frame,
                detections=detections,
                masks=objects,
                track_ids=tracks.track_ids,
                categories=detector.categories,
                everything=nothing,
                regions=nothing,
                region_ids=np.zeros(0, np.int64),
                is_tracked=True,
            )


def _as_tracked(detections: Detections, tracks: Tracks) -> Detections:
    """The detections that tracks are made of, in the tracks' order, with the classes they were voted into."""
    chosen = detections[tracks.detection_indices]
    return Detections(chosen.boxes_xyxy, chosen.scores, tracks.class_ids)


def _masks(sam: SamModel, frames: list[tuple[Frame, Detections]]) -> list[Masks]:
    """The objects' masks in each frame; a frame without objects is not encoded."""
    busy = [position for position, (_, detections) in enumerate(frames) if len(detections)]
    masks = [Masks.empty(frame.size_hw) for frame, _ in frames]
    embeddings = sam.embed([frames[position][0].image for position in busy])
    for position, embedding in zip(busy, embeddings, strict=True):
        masks[position] = sam.masks_from_boxes(embedding, frames[position][1].boxes_xyxy)
    return masks
