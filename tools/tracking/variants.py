"""A sequence seen otherwise, with its truth: backwards, or by a detector that is a little less steady.

The score of one run over one sequence is chance by half a point of HOTA; the mean over variants is less so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from sav.data.types import Detections
from sav.evaluate.mot import SequenceTruth
from sav.evaluate.tracks import TrackTable
from tools.tracking.mot_sequences import MotSequence

# Standard deviations of what is added to a box's centre and size, as shares of the size, and to its score.
_BOX_NOISE, _SCORE_NOISE = 0.01, 0.02


@dataclass(frozen=True)
class _BackwardsTruth(SequenceTruth):
    """The truth of a sequence whose last frame comes first."""

    def read(self) -> TrackTable:
        forwards = super().read()
        frames = forwards.frame_count + 1 - forwards.frames
        order = np.argsort(frames, kind="stable")
        return TrackTable(
            forwards.frame_count,
            frames[order],
            forwards.ids[order],
            forwards.boxes_xyxy[order],
            forwards.roles[order],
        )


def variants(sequence: MotSequence, jitters: int = 1) -> list[MotSequence]:
    """The sequence forwards and backwards, each as it is and `jitters` times jittered."""
    both = [sequence, backwards(sequence)]
    return both + [jittered(one, seed) for one in both for seed in range(jitters)]


def backwards(sequence: MotSequence) -> MotSequence:
    """The sequence from its last frame to its first."""
    warps = [np.asarray(cv2.invertAffineTransform(warp), np.float64) for warp in sequence.warps[1:]]
    first = [np.eye(2, 3)] * bool(len(sequence.warps))
    return replace(
        sequence,
        truth=_BackwardsTruth(**vars(sequence.truth)),
        detections=sequence.detections[::-1],
        warps=(*first, *warps[::-1]),
    )


def jittered(sequence: MotSequence, seed: int) -> MotSequence:
    """The sequence with every box and score a little off."""
    rng = np.random.default_rng(seed)
    return replace(sequence, detections=tuple(_jittered(rng, frame) for frame in sequence.detections))


def _jittered(rng: np.random.Generator, detections: Detections) -> Detections:
    boxes = detections.boxes_xyxy
    size = boxes[:, 2:] - boxes[:, :2]
    shift, growth = rng.normal(0, _BOX_NOISE, (2, *size.shape)) * size
    moved = np.concatenate([boxes[:, :2] + shift - growth, boxes[:, 2:] + shift + growth], 1)
    scores = np.clip(detections.scores + rng.normal(0, _SCORE_NOISE, len(boxes)), 0.1, 1)
    return Detections(moved.astype(np.float32), scores.astype(np.float32), detections.class_ids)
