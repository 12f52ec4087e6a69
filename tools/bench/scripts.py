"""Whole programs as tasks: ours under observation, and upstream's way, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tools.bench.case import Task
from tools.bench.options import ROOT, SIZES, Options


def our_script(
    options: Options, script: str, flags: Sequence[str], evidence: Callable[[], Any], boxes: int = 0
) -> Task:
    """A run of seg.py or track.py; its evidence is that of `evidence` and the observer's report."""
    report = options.folder / f"{script}.json"
    models = ["--device", options.device, "--precision", options.precision]
    command = ["-m", "tools.bench.observed", str(report), str(boxes), str(ROOT / script), *flags, *models]
    return Task(lambda: run_python(options, command), lambda _: (evidence(), json.loads(report.read_text())))


def their_way(options: Options, way: str, arguments: Sequence[str], evidence: Callable[[], Any]) -> Task:
    """A run of a module of tools.bench.upstream."""
    command = ["-m", f"tools.bench.upstream.{way}", *arguments]
    return Task(lambda: run_python(options, command), lambda _: evidence())


def run_python(options: Options, arguments: Sequence[str]) -> None:
    """Run Python in the repository's root; what it prints is shown only if it fails."""
    environment = {**os.environ, **quiet_ultralytics(options.folder), "BENCH_STARTED": str(time.time())}
    limit = options.script_seconds
    if limit:
        environment["BENCH_TRACES_AFTER"] = str(0.9 * limit)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        # A file and no pipe: what the script leaves running would keep a pipe open.
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=told, stderr=subprocess.STDOUT
        )
        try:
            problem = f"status {status}" if (status := process.wait(limit)) else ""
        except subprocess.TimeoutExpired:
            problem = f"it took longer than {limit:g} s"
        finally:
            process.kill()
        told.seek(0)
        if problem:
            raise RuntimeError(f"{' '.join(arguments)}\n{told.read()[-8000:]}\n{problem}")


def quiet_ultralytics(folder: Path) -> dict[str, str]:
    """Environment in which ultralytics neither asks the network, nor installs, nor leaves files behind."""
    switches = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
    return {**switches, "YOLO_CONFIG_DIR": str(folder)}


def their_models(options: Options, yolo: Path, sam: Path, name: str) -> list[str]:
    """The arguments that all of upstream's ways begin with."""
    return [str(yolo), str(sam), SIZES.get(name, ""), options.device]
