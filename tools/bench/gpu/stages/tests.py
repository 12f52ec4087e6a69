"""`tests/gpu`: equality with the CPU, agreement, fallbacks; a row a file, the quick ones first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.options import ROOT

_RESULT = re.compile(r"(tests/gpu/\w+\.py)::(.+) (PASSED|FAILED|ERROR|SKIPPED)\b")


def figures(lab: Lab) -> Iterator[Figure]:
    files = sorted((ROOT / "tests" / "gpu").glob("test_*.py"), key=_is_long)
    # What the project's settings want of pytest is not everywhere, xdist for one.
    flags = ["-v", "-o", "addopts=", "-p", "no:cacheprovider", "--tb=short"]
    environment = dict(os.environ)
    if lab.is_tiny:  # to see that they run at all
        flags += ["-m", "not long"]
        environment |= {"SAV_GPU_TESTS": "cpu"} if lab.device.type == "cpu" else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *flags, *map(str, files)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process:
        yield from rows(process.stdout, lab.log)


def rows(lines: Iterable[str], log: Path) -> Iterator[Figure]:
    """A row a test that fails, and one a file; what pytest says of failures goes to the log."""
    counts: dict[str, Counter[str]] = {}
    with log.open("a", encoding="utf-8") as told:
        for line in lines:
            if not (found := _RESULT.match(line)):
                told.write(line)
                continue
            file, test, result = found.groups()
            if counts and file not in counts:
                yield _row(*list(counts.items())[-1])
            counts.setdefault(file, Counter())[result] += 1
            if result in ("FAILED", "ERROR"):
                yield Figure(f"{file}::{test}", note="failed: see errors.log")
    yield _row(*(list(counts.items()) or [("tests/gpu", Counter())])[-1])


def _row(file: str, results: Counter[str]) -> Figure:
    others = [f"{count} {result.lower()}" for result, count in results.items() if result != "PASSED"]
    return Figure(file, float(results["PASSED"]), "tests passed", note=", ".join(others))


def _is_long(path: Path) -> tuple[bool, str]:
    return "pytest.mark.long" in path.read_text(encoding="utf-8"), path.name
