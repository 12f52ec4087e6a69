"""Whole programs as tasks: ours under observation, and upstream's way, each in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")


def quiet_ultralytics(folder: Path) -> dict[str, str]:
    """Environment in which ultralytics neither asks the network, nor installs, nor leaves files behind."""
    switches = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
    return {**switches, "YOLO_CONFIG_DIR": str(folder)}


def their_models(options: Options, yolo: Path, sam: Path, name: str) -> list[str]:
    """The arguments that all of upstream's ways begin with."""
    return [str(yolo), str(sam), SIZES.get(name, ""), options.device]
