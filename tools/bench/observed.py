"""Run seg.py or track.py and note when its models work.

    python -m tools.bench.observed REPORT BOXES SCRIPT ARGUMENTS...

REPORT is a JSON file to write. With BOXES above 0 the detector does its work, but what it finds is replaced
by that many boxes of the generated video, frame by frame: for detectors with random weights.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sav.data.types import Detections
from sav.detectors.yolo import Detector
from sav.sam.model import SamModel
from tools.bench.inputs import moving_boxes

Span = tuple[float, float]


class Observer:
    """Spans of time in which the detector or SAM are at work, whatever threads they are in."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def watch(self, owner: type, name: str) -> None:
        """Note the time of each call of a method."""
        method: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            start = time.time()
            try:
                return method(*arguments, **named)
            finally:
                self.spans.append((start, time.time()))

        setattr(owner, name, watched)

    def report(self, end: float) -> dict[str, float]:
        """Seconds from the process's start to the first call, from there to the end, and within calls."""
        first = min((start for start, _ in self.spans), default=end)
        started = float(os.environ.get("BENCH_STARTED", first))
        return {"ready_s": first - started, "run_s": end - first, "models_s": busy(self.spans)}


def busy(spans: Sequence[Span]) -> float:
    """Seconds that lie in any of the spans."""
    total, until = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return float(total)


def replace_detections(count: int) -> None:
    """Have every detector find `count` boxes of the generated video, after its own work."""
    detect = Detector.__call__
    seen = 0

    def detected(self: Detector, images: Sequence[Any]) -> list[Detections]:
        nonlocal seen
        found = []
        for image, _ in zip(images, detect(self, images), strict=True):
            boxes = moving_boxes(seen, count, image.shape[:2])
            found.append(Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64)))
            seen += 1
        return found

    Detector.__call__ = detected  # type: ignore[assignment, method-assign]


def main() -> None:
    report, boxes, script, *arguments = sys.argv[1:]
    observer = Observer()
    if int(boxes):
        replace_detections(int(boxes))
    for owner, name in ((Detector, "__call__"), (SamModel, "embed"), (SamModel, "masks_from_boxes")):
        observer.watch(owner, name)
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        from tools.bench.upstream.seg_way import gpu_peak

        found = {**observer.report(time.time()), "gpu_mib": gpu_peak()}
        Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
