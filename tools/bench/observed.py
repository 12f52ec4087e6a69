"""Run seg.py or track.py and note when its models work.

    python -m tools.bench.observed REPORT BOXES SCRIPT ARGUMENTS...

REPORT is a JSON file to write. With BOXES above 0 the detector does its work, but what it finds is replaced
by that many boxes of the generated video, frame by frame: for detectors with random weights. Nothing is
imported here before the script imports it, so that it starts as it does by itself.
"""

from __future__ import annotations

import faulthandler
import json
import os
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sav.commands import cli

if TYPE_CHECKING:
    from sav.data.types import Detections
    from sav.segmenter import Segmenter

Span = tuple[float, float]
# What of a SAM is watched.
_METHODS = ("embed", "masks_from_boxes")


class Observer:
    """Spans of time in which the detector or SAM are at work, whatever threads they are in."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.loading: Span | None = None

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

    def watch_models(self, boxes: int) -> None:
        """Watch the models that the script loads, as soon as it has loaded them."""
        load = cli.load_models

        def loaded(*arguments: Any, **named: Any) -> Segmenter:
            start = time.time()
            segmenter = load(*arguments, **named)
            self.loading = start, time.time()
            if boxes:
                replace_detections(type(segmenter.detector), boxes)
            self.watch(type(segmenter.detector), "__call__")
            for name in _METHODS:
                self.watch(type(segmenter.sam), name)
            return segmenter

        cli.load_models = loaded

    def report(self, end: float) -> dict[str, float]:
        """Seconds from the process's start to the first call, from there to the end, and within calls.

        And those of the three parts of the start: until models are loaded, loading, and what follows.
        """
        first = min((start for start, _ in self.spans), default=end)
        started = float(os.environ.get("BENCH_STARTED", first))
        begun, done = self.loading or (first, first)
        parts = {
            "before_loading_s": begun - started,
            "loading_s": done - begun,
            "after_loading_s": first - done,
        }
        return {"ready_s": first - started, "run_s": end - first, "models_s": busy(self.spans), **parts}


def busy(spans: Sequence[Span]) -> float:
    """Seconds that lie in any of the spans."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def replace_detections(detector: type, count: int) -> None:
    """Have every detector find `count` boxes of the generated video, after its own work."""
    import numpy as np

    from sav.data.types import Detections
    from tools.bench.inputs import moving_boxes

    detect: Callable[[Any, Sequence[Any]], list[Detections]] = detector.__call__  # type: ignore[operator]
    seen = 0

    def detected(self: Any, images: Sequence[Any]) -> list[Detections]:
        nonlocal seen
        found = []
        for image, _ in zip(images, detect(self, images), strict=True):
            boxes = moving_boxes(seen, count, image.shape[:2])
            found.append(Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64)))
            seen += 1
        return found

    detector.__call__ = detected  # type: ignore[method-assign, operator]


def gpu_memory() -> dict[str, float]:
    """MiB: most in tensors, and most that PyTorch had taken for them."""
    import torch

    if not torch.cuda.is_initialized():
        return {"gpu_mib": 0.0, "gpu_reserved_mib": 0.0}
    devices = range(torch.cuda.device_count())
    peaks = (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved)
    in_tensors, taken = (sum(map(peak, devices)) / 2**20 for peak in peaks)
    return {"gpu_mib": in_tensors, "gpu_reserved_mib": taken}


def main() -> None:
    report, boxes, script, *arguments = sys.argv[1:]
    if after := os.environ.get("BENCH_TRACES_AFTER"):
        faulthandler.dump_traceback_later(float(after))
    observer = Observer()
    observer.watch_models(int(boxes))
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        found = {**observer.report(time.time()), **gpu_memory()}
        Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
