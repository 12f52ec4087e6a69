"""Trackers: a sequence of detections through each, without pictures, on one thread."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from sav.data.types import Detections
from tools.bench.case import Agreement, Case, Task
from tools.bench.options import Options
from tools.bench.trackers import CONFIGS, make_ours
from tools.tracking.mot_sequences import read_sequences
from tools.tracking.ultralytics_trackers import UltralyticsTracker, as_ultralytics

REFERENCE = "ultralytics' tracker with the same parameters"
_GENERATED = (10, 50, 100, 200)
_REAL = ("MOT17-11", "MOT17-02")
_FRAMES = 100
_SIZE_HW = (1080, 1920)


def cases(options: Options) -> list[Case]:
    """Each is named by its tracker, then by its number of boxes or its sequence."""
    real = {sequence.name for sequence in read_sequences()}
    sources = [*(f"{count} boxes" for count in _GENERATED), *(name for name in _REAL if name in real)]
    return [Case(f"{kind}, {source}") for source in sources for kind in ("bytetrack", "botsort")]


def _frames(case: Case) -> tuple[Detections, ...]:
    source = case.name.split(", ")[1]
    if source in _REAL:
        (sequence,) = (one for one in read_sequences() if one.name == source)
        return sequence.detections[:_FRAMES]
    return drifting_boxes(int(source.split()[0]))


def drifting_boxes(count: int) -> tuple[Detections, ...]:
    """`count` drifting boxes a frame in a picture of 1920x1080, one in ten missed."""
    rng = np.random.default_rng(count)
    centre, size = rng.uniform(100, (1820, 980), (count, 2)), rng.uniform((30, 60), (80, 200), (count, 2))
    velocity, seen_frames = rng.normal(0, 3, (count, 2)), []
    for _ in range(_FRAMES):
        centre = centre + velocity
        seen = rng.random(count) > 0.1
        middle, extent = centre[seen] + rng.normal(0, 2, (seen.sum(), 2)), size[seen]
        boxes = np.concatenate([middle - extent / 2, middle + extent / 2], 1).astype(np.float32)
        scores = rng.uniform(0.15, 0.95, len(boxes)).astype(np.float32)
        seen_frames.append(Detections(boxes, scores, np.zeros(len(boxes), np.int64)))
    return tuple(seen_frames)


def ours(options: Options, case: Case) -> Task:
    config, frames = CONFIGS[case.name.split(", ")[0]][0], _frames(case)
    cv2.setNumThreads(1)

    def run() -> int:
        tracker = make_ours(config)
        return sum(len(tracker.update(frame)) for frame in frames)

    return Task(run)


def theirs(options: Options, case: Case) -> Task:
    config = CONFIGS[case.name.split(", ")[0]][0]
    frames = [as_ultralytics(frame, _SIZE_HW) for frame in _frames(case)]
    cv2.setNumThreads(1)

    def run() -> int:
        tracker = UltralyticsTracker(config).tracker
        return sum(len(tracker.update(frame)) for frame in frames)

    return Task(run)


def agreement(ours: int, theirs: int) -> Agreement:
    return Agreement(
        abs(ours - theirs) <= 0.02 * theirs,
        f"{ours} and {theirs} boxes in tracks; python -m tools.bench.trackers compares their quality",
    )


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"ms_per_frame": 1000 * seconds / _FRAMES}
