"""What the processes of a run with Ray on this machine take of the processor."""

from __future__ import annotations

import time

import psutil

# Who hands out, Ray's raylet and GCS, its helpers in Python, and all workers together.
KINDS = ("driver", "native", "python", "worker")


def used() -> dict[str, float]:
    """Seconds of the processor that each kind of process has used so far."""
    seconds = dict.fromkeys(KINDS, 0.0) | {"driver": time.process_time()}
    for process in psutil.Process().children(recursive=True):
        try:
            with process.oneshot():
                times, name = process.cpu_times(), "".join(process.cmdline()[:1])
        except psutil.Error:
            continue
        seconds[_kind(name)] += times.user + times.system
    return seconds


def _kind(name: str) -> str:
    if name.startswith("ray::"):
        return "worker"
    return "native" if name.endswith(("raylet", "gcs_server")) else "python"
