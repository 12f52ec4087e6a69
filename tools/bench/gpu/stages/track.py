"""track.py at 1080p: the large SAM, a detector at 1920 pixels, ten objects, from the command to the files."""

from __future__ import annotations

from collections.abc import Iterator

from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.scripts import Run, observed
from tools.bench.gpu.sheet import Figure
from tools.bench.stages import track

_MEMORY = Goal("GiB", 8.0, at_least=False)


def figures(lab: Lab) -> Iterator[Figure]:
    case = track.cases(lab.options)[1]
    task = track.ours(lab.options, case)
    run = observed(lab, "track.py", task.run)
    name = f"track.py, {lab.name_of(lab.large)}, {lab.options.video_yolo} at {max(lab.options.size_hw)}"
    name = f"{name}, {track.OBJECTS} objects, {lab.options.size_hw[0]}p, {case.count} frames"
    yield from speed(name, case.count, run, Goal("frames/s", 30.0))
    yield memory(lab, "track.py", run)
    yield start(lab, "track.py", run)


def speed(name: str, frames: int, run: Run, goal: Goal | None) -> Iterator[Figure]:
    """Frames a second after the start, and of the whole."""
    outside = 1 - run.report["models_s"] / run.report["run_s"]
    note = f"with writing; {outside:.0%} of the time no model is at work"
    yield Figure(name, frames / run.report["run_s"], "frames/s", goal, note=note)
    yield Figure(f"{name}, start included", frames / run.seconds, "frames/s")


def memory(lab: Lab, script: str, run: Run) -> Figure:
    """Most GPU memory in tensors."""
    name = f"GPU memory of {script}, {lab.name_of(lab.large)}"
    if lab.device.type != "cuda":
        return Figure(name, note="not measured: no GPU")
    taken = run.report["gpu_reserved_mib"] / 1024
    return Figure(name, run.report["gpu_mib"] / 1024, "GiB", _MEMORY, note=f"in tensors; {taken:.1f} taken")


def start(lab: Lab, script: str, run: Run) -> Figure:
    """From the command to the first call of a model."""
    name = f"{script}, {lab.name_of(lab.large)}, from the command to the first frame in a model"
    return Figure(name, run.report["ready_s"], "s", note=run.start_parts)
