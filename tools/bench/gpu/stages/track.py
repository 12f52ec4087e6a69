"""A run over a 1080p video: the large SAM, a detector at 1920 pixels, ten objects, all files written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from sav.config import DetectionConfig
from sav.runs.videos.job import VideoJob
from sav.runs.videos.run import run_video
from sav.segmenter import Segmenter
from tools.bench.case import Goal
from tools.bench.gpu.known import KnownBoxes
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.inputs import make_video
from tools.bench.models import sam_checkpoint, untrained_detector
from tools.bench.stages.track import OBJECTS

_MEMORY = Goal("GiB", 8.0, at_least=False)


def figures(lab: Lab) -> Iterator[Figure]:
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
    segmenter = Segmenter(KnownBoxes(loaded.detector, OBJECTS), loaded.sam, detect=loaded.detect)
    video = make_video(options.folder / "objects.mp4", frames, OBJECTS, lab.picture)
    name = f"video of {options.size_hw[0]}p, {lab.name_of(lab.large)}, {options.video_yolo} at {size}"
    yield from speed(lab, f"{name}, {OBJECTS} objects", segmenter, video, frames, Goal("frames/s", 30.0))
    yield memory(lab, name)


def speed(
    lab: Lab, name: str, segmenter: Segmenter, video: Path, frames: int, goal: Goal
) -> Iterator[Figure]:
    """Frames a second from the opened video to the last file in place, models loaded; and of a first run."""
    lab.reset_memory()
    first = min(24, frames)
    seconds = lab.once(lambda: _run(lab, segmenter, video, first))
    note = "with what is compiled and captured once"
    yield Figure(f"{name}, {first} frames first", first / seconds, "frames/s", note=note)
    if frames > first:
        seconds = lab.once(lambda: _run(lab, segmenter, video, frames))
        yield Figure(f"{name}, {frames} frames", frames / seconds, "frames/s", goal, note="with writing")


def _run(lab: Lab, segmenter: Segmenter, video: Path, frames: int) -> None:
    save_path = lab.options.folder / f"{video.stem}_out.mp4"
    report = run_video(VideoJob(str(video), save_path, end=str(frames), overwrite=True), segmenter)
    if report.problem:
        raise RuntimeError(report.problem)


def memory(lab: Lab, name: str) -> Figure:
    """Most GPU memory in tensors since `lab.reset_memory`."""
    if lab.device.type != "cuda":
        return Figure(f"GPU memory: {name}", note="not measured: no GPU")
    used, taken = (
        peak(lab.device) / 2**30 for peak in (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved)
    )
    return Figure(f"GPU memory: {name}", used, "GiB", _MEMORY, note=f"in tensors; {taken:.1f} taken for them")
