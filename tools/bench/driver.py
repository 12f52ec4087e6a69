"""What is left for the driver when a video has as many workers as one wishes: `python -m tools.bench.driver`.

A generated video of 1080p in which ten things move; boxes and masks are known at once, as if there were no
end of workers. First each step by itself, then a whole run with its threads side by side. The processor's
time goes over all threads, x264's and FFmpeg's among them, and other work beside it changes it little; the
clock's is what a machine with nothing else to do gives.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sav.cluster.connection import Cluster
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame
from sav.drawing import Painter
from sav.media.reader import open_video
from sav.media.video import VideoReader
from sav.media.writer import VideoWriter
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.stages.look import Seen, followed
from sav.stages.overlap import overlap
from sav.stages.refine import RefineConfig, SceneRefiner
from sav.stages.stretches import CutOut, Stretch, stream_in_stretches, stretch_length
from sav.trackers import Tracker, make_tracker
from tools.bench.inputs import ellipses, make_video, moving_boxes, resized_picture
from tools.bench.options import Options

_SIZE_HW, _OBJECTS, _BATCH = (1080, 1920), 10, 4
_CATEGORIES = {0: "thing"}
# Frames that the steps are measured on, one after the other.
_FEW = 60


class KnowingCrew:
    """A crew that knows the answers; what it must be told is put where Ray's workers would find it."""

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put = put

    def place(self, frames: list[Frame]) -> Any:
        return self._put(frames)

    def detect(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[Detections]]]:
        return ((stretch, [detections(frame.index) for frame in stretch.frames]) for stretch in stretches)

    def cut_out(self, stretches: Iterable[Stretch]) -> Iterator[tuple[Stretch, list[CutOut]]]:
        return ((stretch, [cut_out(seen) for seen in stretch.seen]) for stretch in stretches)


class KnowingModels:
    """The models of a run that ask such a crew."""

    categories: Mapping[int, str] = _CATEGORIES
    checkpoint_hashes: dict[str, str] = {}  # noqa: RUF012 (none)
    batch = _BATCH

    def __init__(self, crew: KnowingCrew) -> None:
        self._crew = crew

    def settings(self, for_video: bool) -> dict[str, Any]:
        return {}

    def track(
        self, source: VideoReader, *, tracker: Tracker, batch: int, regions: bool, known: Iterable[Scene]
    ) -> Iterator[Scene]:
        length = stretch_length(source.size_hw, batch)
        with closing(overlap(source, capacity=length)) as ahead:
            yield from stream_in_stretches(self._crew, _CATEGORIES, ahead, tracker, length, known)

    def refiner(self, frame_rate: float, refine: RefineConfig) -> SceneRefiner:
        raise NotImplementedError


@cache
def detections(index: int) -> Detections:
    """What a detector sees in a frame of the generated video."""
    boxes = moving_boxes(index, _OBJECTS, _SIZE_HW)
    return Detections(boxes, np.full(_OBJECTS, 0.9, np.float32), np.zeros(_OBJECTS, np.int64))


@cache
def masks(index: int) -> Masks:
    """SAM's masks of them."""
    return Masks.from_dense(ellipses(moving_boxes(index, _OBJECTS, _SIZE_HW), _SIZE_HW))


def cut_out(seen: Seen) -> CutOut:
    """What SAM makes of the objects that are followed."""
    found, rows = seen.detections, seen.rows
    known = masks(seen.frame.index)[[] if rows is None else rows.tolist()]
    return CutOut(Instances(found.boxes_xyxy, found.scores, found.class_ids, seen.track_ids, known), 0)


def steps(video: Path, folder: Path, put: Callable[[Any], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What the driver does, a name and what does it to some frames."""
    with open_video(video, end=_FEW) as reader:
        info, frames = reader.info, list(reader)

    def read() -> None:
        with open_video(video, end=_FEW) as reader:
            for _ in reader:
                pass

    def track() -> list[Seen]:
        found = [detections(frame.index) for frame in frames]
        return followed(frames, found, make_tracker("sav", frame_rate=30.0))

    def encode() -> None:
        with VideoWriter(folder / "steps.mp4", info) as writer:
            for frame in frames:
                writer.write(frame)

    def place() -> None:
        for begin in range(0, len(frames), _BATCH):
            put(frames[begin : begin + _BATCH])

    scenes = [cut_out(seen).scene(seen, _CATEGORIES) for seen in track()]
    yield "decode", read
    yield "place for the workers", place
    yield "follow", track
    yield "draw", lambda: draw(scenes)
    yield "encode", encode


def draw(scenes: Sequence[Scene]) -> None:
    """Draw what was found."""
    painter = Painter()
    for scene in scenes:
        painter(scene)


def timed(work: Callable[[], Any], frames: int) -> str:
    """Milliseconds a frame: the clock's, and the processor's over all threads."""
    begin, busy = time.perf_counter(), time.process_time()
    work()
    clock, processor = time.perf_counter() - begin, time.process_time() - busy
    rate = frames / clock
    return f"{1000 * clock / frames:8.1f} {1000 * processor / frames:10.1f} {rate:10.1f}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=300, help="of the whole run (default: %(default)s)")
    frames = parser.parse_args(argv).frames
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = make_video(
            folder / "objects.mp4",
            max(frames, _FEW),
            _OBJECTS,
            resized_picture(Options(folder), _SIZE_HW),
        )
        for index in range(max(frames, _FEW)):  # so that nobody waits for them
            masks(index)
        job = VideoJob(str(video), folder / "out.mp4", end=str(frames))
        print(f"{'':24}{'ms':>8} {'CPU ms':>10} {'frames/s':>10}")
        with Cluster(cpus=1, gpus=0) as cluster:
            for step, work in steps(video, folder, cluster.ray.put):
                work()
                print(f"{step:24}{timed(work, _FEW)}")
            models = KnowingModels(KnowingCrew(cluster.ray.put))
            print(f"{'whole run':24}{timed(lambda: run_video(job, models), frames)}")


if __name__ == "__main__":
    main()
