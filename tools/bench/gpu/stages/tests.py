"""`tests/gpu`: equality with the CPU, agreement, fallbacks; a row a file, the quick ones first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.options import ROOT

_TEST = re.compile(r"(tests/gpu/\w+\.py)::([^\s\[]+(?:\[.*?\])?)(?: |$)")
_RESULT = re.compile(r"(PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
_COLLECTED = re.compile(r"(?:collecting \.\.\. )?collected (\d+) items?(?:.* (\d+) selected)?")
# What pytest ends with where all tests pass, and where there are none.
_GOOD = (0, 5)


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
        yield from rows(process.stdout, lab.log, process.wait)


def rows(lines: Iterable[str], log: Path, status: Callable[[], int] = lambda: 0) -> Iterator[Figure]:
    """A row a test that fails, and one a file; what pytest says of failures goes to the log.

    `status` gives what pytest ended with, once it has said all; one more row tells of a bad end.
    """
    counts: dict[str, Counter[str]] = {}
    told, collected, running = set(), 0, ("", "")
    with log.open("a", encoding="utf-8") as others:
        for line in lines:
            if found := _COLLECTED.match(line):
                collected = int(found[2] or found[1])
            begun = _TEST.match(line)
            running = (begun[1], begun[2]) if begun else running
            # On a line of its own where the test itself has said something.
            result = _RESULT.match(line, begun.end() if begun else 0)
            if result is None or not all(running):
                others.write(line)
                continue

            (file, test), running = running, ("", "")
            if counts and file not in counts:
                yield _row(*list(counts.items())[-1])
            told.add((file, test))
            counts.setdefault(file, Counter())[result[1]] += 1
            if result[1] in ("FAILED", "ERROR"):
                yield Figure(f"{file}::{test}", note="failed: see errors.log")
    yield _row(*(list(counts.items()) or [("tests/gpu", Counter())])[-1])
    yield from _end(status(), len(told), collected, "::".join(running) if all(running) else "")


def _end(status: int, told: int, collected: int, running: str) -> Iterator[Figure]:
    """A row if pytest did not end well, or not all tests that it collected came to an end."""
    if status in _GOOD and told >= collected:
        return
    where = f", in {running}" if running else ""
    missing = f", {told} of {collected} tests ended" if told < collected else ""
    yield Figure(
        "tests/gpu", note=f"failed: pytest ended with status {status}{where}{missing}, see errors.log"
    )


def _row(file: str, results: Counter[str]) -> Figure:
    others = [f"{count} {result.lower()}" for result, count in results.items() if result != "PASSED"]
    return Figure(file, float(results["PASSED"]), "tests passed", note=", ".join(others))


def _is_long(path: Path) -> tuple[bool, str]:
    return "pytest.mark.long" in path.read_text(encoding="utf-8"), path.name
