"""Where a video run's time goes: the GPU's share of it, in how many kernels, and the processor's time."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from typing import Any

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.demo import demo_run
from tools.bench.gpu.stages.track import Run, joined, large_run
from tools.bench.observed import Span, busy

_FRAMES = 48


def figures(lab: Lab) -> Iterator[Figure]:
    for made in (demo_run, large_run):
        whole = made(lab)
        frames = min(_FRAMES, whole.frames)
        whole(lab, frames)  # what is compiled and captured once
        yield _processor(lab, whole, frames)
        yield from _gpu(lab, whole, frames)


def _processor(lab: Lab, whole: Run, frames: int) -> Figure:
    """The processor's time in all threads, a frame."""
    before = _processor_seconds()
    seconds = lab.once(lambda: whole(lab, frames))
    spent = (_processor_seconds() - before) / frames
    note = joined(f"in all threads, of {1000 * seconds / frames:.1f} ms", whole.note)
    return Figure(f"{whole.name}: processor", 1000 * spent, "ms a frame", note=note)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _gpu(lab: Lab, whole: Run, frames: int) -> Iterator[Figure]:
    """The share of a run's time in which any kernel or copy is at work, and how many there are."""
    name = f"{whole.name}: GPU at work"
    if lab.device.type != "cuda":
        yield Figure(name, note="not measured: no GPU")
        return
    seconds, spans = _profiled(lab, lambda: whole(lab, frames))
    at_work, whole_ms = (1000 * taken / frames for taken in (busy(spans), seconds))
    note = joined(f"{at_work:.2f} of {whole_ms:.2f} ms a frame, under the profiler", whole.note)
    yield Figure(name, 100 * at_work / whole_ms, "%", note=note)
    yield Figure(f"{whole.name}: kernels and copies", len(spans) / frames, "a frame", note=whole.note)


def _profiled(lab: Lab, run: Callable[[], None]) -> tuple[float, list[Span]]:
    """How long a run takes, and from when to when each kernel and copy of it was at work, in seconds."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        seconds = lab.once(run)
    return seconds, spans_of(profiler, "CUDA")


def spans_of(profiler: Any, device: str) -> list[Span]:
    """From when to when each event of a kind of device lasted, in seconds since the first one began."""
    events = profiler.profiler.kineto_results.events()  # `profiler.events()` takes minutes for so many
    there = [one for one in events if str(one.device_type()).endswith(device) and one.duration_ns() > 0]
    # Since 1970 they have more digits than a float, in seconds.
    first = min((one.start_ns() for one in there), default=0)
    begun = ((one.start_ns() - first, one.duration_ns()) for one in there)
    return [(start / 1e9, (start + duration) / 1e9) for start, duration in begun]
