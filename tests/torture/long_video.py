"""One long video by four workers on two nodes, of which one of each dies: the results are one worker's.

`python -m tests.torture.long_video --frames 4000`. The video has frames of varying times and AAC; models are
stand-ins. All files must be the same to the byte. That memory does not grow with the video is watched, too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil

from sav.cluster.long_video import share_video
from sav.cluster.placing import Workers
from sav.data.types import Detections, Image
from sav.runs.events import Event, OnEvent, Reached, ignore
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tests.media.videos import make_video
from tests.stubs import StubDetector, StubSam
from tests.torture.cluster_kills import Machines, workers
from tests.torture.kills import difference, staging_left, tree

SIZE_HW = (96, 160)
# For how many milliseconds frames are shown, again and again.
VARYING = (33, 34, 100, 17, 50, 33, 67)
# Between how many frames memory is looked at, and by how much it may differ in MiB.
STEP, TOLERATED = 100, 24.0


def wandering_image(number: int, size_hw: tuple[int, int] = SIZE_HW) -> Image:
    """Frame `number`, which stands in its corner, with two things that wander about."""
    image = np.full((*size_hw, 3), 90, np.uint8)
    for place, (x0, y0, x1, y1) in enumerate(_boxes(number).astype(int).tolist()):
        image[y0:y1, x0:x1] = 60 + 120 * place, 200, 30
    image[:8, :8] = number & 255, number >> 8, 0
    return image


def _boxes(number: int) -> np.ndarray:
    """Where the two are, `(2, 4)`."""
    across, down = 55 + 50 * np.sin(number / 23), 40 + 20 * np.cos(number / 31)
    return np.array([[across, 12, across + 24, 42], [100, down, 130, down + 30]], np.float32)


class WanderingDetector(StubDetector):
    """Sees them now and then weakly or not at all: ids hang on what the tracker remembers."""

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        return [self._see(int(image[2, 2, 0]) + 256 * int(image[2, 2, 1])) for image in images_bgr]

    def _see(self, number: int) -> Detections:
        scores = np.array([0.9 if number % 5 else 0.15, 0.8 if number % 7 else 0.2], np.float32)
        is_gone = number % 6 == 0 or number % 400 < 90
        return Detections(_boxes(number), scores, np.array([0, 1], np.int64))[: 1 if is_gone else 2]


def wandering() -> Segmenter:
    """A segmenter of such models."""
    return Segmenter(WanderingDetector(), StubSam(), regions=False)


def long_video(folder: Path, frames: int) -> Path:
    """A video without loss, whose frames are shown for times that vary, with sound."""
    ticks = np.cumsum([0, *(VARYING[number % len(VARYING)] for number in range(frames))])
    return make_video(
        folder,
        "long.mkv",
        frames,
        SIZE_HW,
        rate=Fraction(20),
        codec="ffv1",
        ticks=ticks[:-1].tolist(),
        time_base=Fraction(1, 1000),
        audio="aac",
        audio_seconds=float(ticks[-1]) / 1000,
        image=wandering_image,
        pix_fmt="bgr0",
    )


class Disturbing:
    """Kills a worker after a third of the frames and a node after two, and notes what memory there was."""

    def __init__(self, frames: int, machines: Machines) -> None:
        self.mebibytes: list[float] = []
        self._deeds = {frames // 3: self._kill_worker, 2 * frames // 3: lambda: machines.kill_node(0)}
        self._process = psutil.Process()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Reached):
            self._deeds.pop(int(event.position), lambda: None)()
            if event.position % STEP == 0:
                self.mebibytes.append(self._process.memory_full_info().uss / 2**20)

    @property
    def growth(self) -> float:
        """MiB by which there was more in the last third than in the second."""
        third = len(self.mebibytes) // 3
        return max(self.mebibytes[2 * third :]) - max(self.mebibytes[third : 2 * third])

    def _kill_worker(self) -> None:
        with suppress(psutil.NoSuchProcess):
            workers()[0].kill()


def fault(frames: int, folder: Path) -> str:
    """What is wrong; empty if nothing is."""
    video = long_video(folder, frames)
    _run(video, folder / "one")
    machines = Machines(cpus=2)
    try:
        watching = Disturbing(frames, machines)
        _run(video, folder / "many", Workers(4, machines.address), watching)
    finally:
        machines.close()
    print("MiB of the driver:", *(f"{size:.0f}" for size in watching.mebibytes))
    if watching.growth > TOLERATED:
        return f"memory grows: {watching.growth:.0f} MiB"
    return difference(tree(folder / "many"), tree(folder / "one")) or str(staging_left(folder) or "")


def _run(video: Path, out: Path, shared: Workers | None = None, on_event: OnEvent = ignore) -> None:
    out.mkdir()
    job = VideoJob(str(video), out / "v.mp4", formats=("coco", "mot", "csv"))
    if shared is None:
        report = run_video(job, wandering, on_event)
    else:
        report = share_video(job, wandering, shared, on_event)
    assert report.status == 0, report


def main(argv: Sequence[str] | None = None) -> int:
    """Print what is wrong; 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=4000)
    frames = parser.parse_args(argv).frames
    with tempfile.TemporaryDirectory() as folder:
        problem = fault(frames, Path(folder))
    print(f"FAULT: {problem}" if problem else f"{frames} frames: all is one worker's")
    return int(bool(problem))


if __name__ == "__main__":
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    sys.exit(main())
