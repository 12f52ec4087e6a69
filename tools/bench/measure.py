"""Time and peak memory of one call, and what the hardware can do."""

from __future__ import annotations

import multiprocessing
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
PACKAGES = (
    "torch", "torchvision", "numpy", "opencv-python", "opencv-python-headless", "ultralytics",
    "segment-anything", "supervision", "av", "pycocotools",
)  # fmt: skip
_MIB = 2**20
# Seconds that one product may take; without instructions for it, bfloat16 takes many times as long.
_LONG_PRODUCT = 2.0
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Sample:
    """One timed run.

    Attributes:
        seconds: Wall time, until the device was done.
        peak_mib: Most resident memory, of this process or of the largest that it started.
        growth_mib: By how much that is more than before the run; of a started process, all of it.
        gpu_mib: Most GPU memory in tensors.
    """

    seconds: float
    peak_mib: float
    growth_mib: float
    gpu_mib: float


def measured(run: Callable[[], Any]) -> tuple[Sample, Any]:
    """Run once; the sample, and what `run` returned."""
    _finish_gpu(reset=True)
    before = _reset_peak()
    start = time.perf_counter()
    result = run()
    gpu_mib = _finish_gpu()
    seconds = time.perf_counter() - start
    own, started = _peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    peak, growth = (own, own - before) if own > started else (started, started)
    return Sample(seconds, peak, growth, gpu_mib), result


def _finish_gpu(reset: bool = False) -> float:
    """Wait for the GPU, if torch uses one; the peak of its memory so far, in MiB."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return 0.0
    torch.cuda.synchronize()
    if reset:
        torch.cuda.reset_peak_memory_stats()
    return torch.cuda.max_memory_allocated() / _MIB


def _reset_peak() -> float:
    """Have the peak of resident memory start anew, where the system can; MiB resident now."""
    if not _STATUS.exists():
        return _peak()
    _RESET.write_text("5")
    return _resident("VmRSS")


def _peak() -> float:
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            _MIB if sys.platform == "darwin" else 1024
        )
    return _resident("VmHWM")


def _resident(name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    return int(found[1]) / 1024 if found else 0.0


def in_a_process(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function where the memory of torch and of a GPU is given back afterwards."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def best_device() -> str:
    """`cuda` if there is a GPU that torch can use, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def hardware(device: str) -> dict[str, Any]:
    """What the machine is, and the rate of its matrix products in TFLOP/s, measured now."""
    import torch

    found: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
    }
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        found[f"{name}_tflops"] = round(matrix_rate(torch.device(device), dtype), 4)
    return found


def matrix_rate(device: Any, dtype: Any) -> float:
    """TFLOP/s of the fastest of several products of large matrices, or of small ones if those take long."""
    large = 8192 if device.type == "cuda" else 2048
    rate = _product_rate(device, dtype, side=512, repeats=3)
    is_fast = 2 * large**3 / 1e12 < rate * _LONG_PRODUCT
    return max(rate, _product_rate(device, dtype, large, repeats=10)) if is_fast else rate


def _product_rate(device: Any, dtype: Any, side: int, repeats: int) -> float:
    import torch

    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    samples = [measured(lambda: a @ b)[0].seconds for _ in range(repeats)]
    return 2 * side**3 / min(samples) / 1e12


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter here."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def card() -> str:
    """GPUs, driver and packages, in a line; no process is started for it that imports torch."""
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.check_output(asked, text=True).strip().replace("\n", "; ")
    except (OSError, subprocess.CalledProcessError):
        told = "no driver"
    return ", ".join([told, *(f"{name} {version}" for name, version in versions().items())])
