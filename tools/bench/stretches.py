"""How much of many workers' time one long video makes use of: `python -m tools.bench.stretches`.

The workers' models sleep as long as a GPU would be at a frame, one thing at a time, so that eight workers fit
on two cores; frames are small, so that the driver is not the limit (`tools.bench.driver` measures that). What
is lost is lost by waiting: for frames, for the tracker, which must have seen all before, and for the order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch

from sav.cluster import stretches as sharing
from sav.cluster.connection import Cluster
from sav.cluster.placing import Share, Workers
from sav.cluster.pool import Pool
from sav.cluster.stretches import stretch_models
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.types import Detections, Frame
from sav.runs.events import Event, Reached
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.stages.stretches import CutOut, Wanted
from tools.bench.inputs import ellipses, make_video, moving_boxes

_OBJECTS = 4


@dataclass
class Sleeping:
    """What a worker asks of its segmenter, and of the models that this gives it for stretches.

    Attributes:
        size_hw: The frames' size.
        seconds: How long the detector is at a frame, and how long SAM is.
        batch: Frames that they take at once.
        sam: Where the models are: on a CPU, where a worker does one thing at a time.
    """

    size_hw: tuple[int, int]
    seconds: tuple[float, float]
    batch: int
    categories: dict[int, str] = field(default_factory=lambda: {0: "thing"})
    checkpoint_hashes: dict[str, str] = field(default_factory=dict)
    sam: Any = field(default_factory=lambda: SimpleNamespace(device=torch.device("cpu")))

    def settings(self, for_video: bool) -> dict[str, Any]:
        return {}

    def stretch_models(self, with_looks: bool) -> Sleeping:
        return self

    def detect(self, frames: Sequence[Frame], batch: int) -> list[Detections]:
        time.sleep(self.seconds[0] * len(frames))
        scores, classes = np.full(_OBJECTS, 0.9, np.float32), np.zeros(_OBJECTS, np.int64)
        boxes = [moving_boxes(frame.index, _OBJECTS, self.size_hw) for frame in frames]
        return [Detections(some, scores, classes) for some in boxes]

    def cut_out(self, frames: Sequence[Frame], wanted: Sequence[Wanted], batch: int) -> list[CutOut]:
        time.sleep(self.seconds[1] * len(frames))
        return [self._cut(one.detections, one.track_ids) for one in wanted]

    def _cut(self, found: Detections, track_ids: Any) -> CutOut:
        masks = Masks.from_dense(ellipses(found.boxes_xyxy, self.size_hw))
        return CutOut(Instances(found.boxes_xyxy, found.scores, found.class_ids, track_ids, masks), 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--detect", type=float, default=0.02, help="seconds a frame (default: %(default)s)")
    parser.add_argument("--cut", type=float, default=0.08, help="the same for SAM (default: %(default)s)")
    parser.add_argument("--each", type=int, default=640, help="frames a worker (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 180), metavar=("W", "H"))
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        _scaling(args, Path(folder))
    return 0


def _scaling(args: argparse.Namespace, folder: Path) -> None:
    """How many frames a second some workers do, beside what they would do if they never waited."""
    width, height = args.size
    frames = max(args.workers) * args.each
    video = make_video(folder / "v.mp4", frames, _OBJECTS, np.full((height, width, 3), 120, np.uint8))
    load = partial(Sleeping, (height, width), (args.detect, args.cut), args.batch)
    print("workers  frames   seconds  frames/s  efficiency  CPU of the driver, ms a frame")
    with Cluster(cpus=max(args.workers), gpus=0) as cluster:
        for workers in args.workers:
            count = workers * args.each
            job = VideoJob(str(video), folder / f"{workers}.mp4", end=str(count))
            seconds, used = _timed(cluster, workers, job, load)
            share = count * (args.detect + args.cut) / (workers * seconds)
            row = f"{workers:7}  {count:6}  {seconds:8.1f}  {count / seconds:8.2f}  {share:10.3f}"
            print(f"{row}  {1000 * used / count:12.2f}", flush=True)


def _timed(cluster: Cluster, number: int, job: VideoJob, load: Any) -> tuple[float, float]:
    """Seconds, and the driver's of the processor, from when all workers are there to the last frame."""

    @contextmanager
    def opened(workers: Workers) -> Iterator[tuple[Cluster, Share]]:
        yield cluster, Share(number, 1, 0)

    # How long the workers take to start is another matter.
    ready = partialmethod(Pool.ready, number)
    times: list[tuple[float, float]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, Reached):
            times.append((time.perf_counter(), time.process_time()))

    with (
        mock.patch.object(sharing, "opened", opened),
        mock.patch.object(Pool, "ready", ready),
        stretch_models(Workers(number), load) as models,
    ):
        run_video(job, models, on_event)
    (begin, used), (end, used_then) = times[0], times[-1]
    return end - begin, used_then - used


if __name__ == "__main__":
    sys.exit(main())
