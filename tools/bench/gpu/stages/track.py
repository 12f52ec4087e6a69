"""A run over a 1080p video: the large SAM, a detector at 1920 pixels, ten objects, all files written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from sav.config import DetectionConfig
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tools.bench.case import Goal
from tools.bench.gpu.known import KnownBoxes
from tools.bench.gpu.known_masks import NOTE, KnownMasks
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.inputs import make_video
from tools.bench.models import sam_checkpoint, untrained_detector
from tools.bench.stages.track import OBJECTS

_MEMORY = Goal("GiB", 8.0, at_least=False)


def figures(lab: Lab) -> Iterator[Figure]:
    whole = large_run(lab)
    yield from speed(lab, whole, Goal("frames/s", 30.0))
    yield memory(lab, whole.name)


@dataclass(frozen=True)
class Run:
    """A video and what follows its objects.

    Attributes:
        name: What the rows call it.
        segmenter: The models, loaded.
        video: The video's file.
        frames: How many frames of it are to be taken.
        note: What the rows say besides.
    """

    name: str
    segmenter: Segmenter
    video: Path
    frames: int
    note: str = ""

    def __call__(self, lab: Lab, frames: int) -> None:
        """Follow so many frames, from the opened video to the last file in place."""
        save_path = lab.options.folder / f"{self.video.stem}_out.mp4"
        job = VideoJob(str(self.video), save_path, end=str(frames), overwrite=True)
        report = run_video(job, self.segmenter)
        if report.problem:
            raise RuntimeError(report.problem)


def large_run(lab: Lab) -> Run:
    """The run of this stage; other models are let go of."""
    options = lab.options
    detector = untrained_detector(options, options.video_yolo)
    lab.forget_models()
    size, frames = max(options.size_hw), options.frames[1]
    loaded = Segmenter.load(
        detector,
        sam_checkpoint(options, lab.large),
        device=options.device,
        precision=options.precision,
        detect=DetectionConfig(imgsz=size),
    )
    models = KnownBoxes(loaded.detector, OBJECTS), KnownMasks(loaded.sam)
    name = f"video of {options.size_hw[0]}p, {lab.name_of(lab.large)}, {options.video_yolo} at {size}"
    return Run(
        f"{name}, {OBJECTS} objects",
        Segmenter(*models, detect=loaded.detect),
        make_video(options.folder / "objects.mp4", frames, OBJECTS, lab.picture),
        frames,
        NOTE,
    )


def speed(lab: Lab, whole: Run, goal: Goal) -> Iterator[Figure]:
    """Frames a second from the opened video to the last file in place, models loaded: of a first run over
    some frames, one over all, and the same again."""
    lab.reset_memory()
    name, frames, first = whole.name, whole.frames, min(24, whole.frames)
    seconds = lab.once(lambda: whole(lab, first))
    note = joined("with what is compiled and captured once", whole.note)
    yield Figure(f"{name}, {first} frames first", first / seconds, "frames/s", note=note)
    if frames > first:
        seconds = lab.once(lambda: whole(lab, frames))
        note = joined("with writing", whole.note)
        yield Figure(f"{name}, {frames} frames", frames / seconds, "frames/s", goal, note=note)
        seconds = lab.once(lambda: whole(lab, frames))
        note = joined("the same once more, with nothing new to compile or capture", whole.note)
        yield Figure(f"{name}, {frames} frames again", frames / seconds, "frames/s", note=note)


def memory(lab: Lab, name: str, besides: int = 0) -> Figure:
    """Most GPU memory in tensors since `lab.reset_memory`, less bytes `besides` that no user needs."""
    if lab.device.type != "cuda":
        return Figure(f"GPU memory: {name}", note="not measured: no GPU")
    used, taken = (
        (peak(lab.device) - besides) / 2**30
        for peak in (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved)
    )
    return Figure(f"GPU memory: {name}", used, "GiB", _MEMORY, note=f"in tensors; {taken:.1f} taken for them")


def joined(*notes: str) -> str:
    """Notes as one, less those that are empty."""
    return "; ".join(note for note in notes if note)
