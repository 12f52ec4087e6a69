"""What a start is made of, one step after the other in a fresh process, and upstream's start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.models import sam_checkpoint, untrained_detector
from tools.bench.options import ROOT
from tools.bench.scripts import their_models, their_way


def figures(lab: Lab) -> Iterator[Figure]:
    options, sam = lab.options, sam_checkpoint(lab.options, lab.large)
    detector = untrained_detector(options, options.video_yolo)
    models = f"{lab.name_of(lab.large)}, {options.video_yolo}"

    command = [sys.executable, "-m", "tools.bench.gpu.steps", str(detector), str(sam), options.device]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    steps: dict[str, float] = json.loads(done.stdout)
    told = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in steps.items())
    yield Figure(f"start by steps, {models}", sum(steps.values()), "s", note=told)

    theirs = their_way(options, "loading", their_models(options, detector, sam, lab.large), lambda: None)
    yield Figure(f"upstream's start, {models}", lab.once(theirs.run), "s", note="importing and loading alone")
