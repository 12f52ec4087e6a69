"""`tests/gpu`: equality with the CPU, agreement, fallbacks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.options import ROOT


def figures(lab: Lab) -> Iterator[Figure]:
    # What the project's settings want of pytest is not everywhere, xdist for one.
    command = ["-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider", "-ra", "tests/gpu"]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    for line in lines:
        if line.startswith(("FAILED", "ERROR")):
            yield Figure(line.split(" - ")[0], note=f"failed: {line.partition(' - ')[2]}")
    summary = lines[-1] if lines else done.stderr.strip().splitlines()[-1:]
    passed = re.search(r"(\d+) passed", str(summary))
    yield Figure("tests/gpu", float(passed[1]) if passed else 0.0, "tests passed", note=str(summary))
