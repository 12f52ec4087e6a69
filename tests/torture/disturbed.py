"""A script killed or interrupted at random: nothing half, nothing lost, and a rerun gives the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tests.torture.kills import (
    Main,
    difference,
    fresh,
    half_files,
    leave_alone,
    random_plan,
    run,
    staging_left,
    tree,
)


@dataclass(frozen=True)
class Script:
    """What is disturbed, in a folder of its own, where it writes into `out`.

    Attributes:
        main: Is run.
        make_inputs: Puts what it reads into a folder.
        arguments: Its command line for a folder.
        earlier_arguments: That of a run into the same folder before.
        has_saved: Whether the files in `out` show that part of the work is done.
    """

    main: Main
    make_inputs: Callable[[Path], None]
    arguments: Callable[[Path], list[str]]
    earlier_arguments: Callable[[np.random.Generator, Path], list[str]]
    has_saved: Callable[[dict[str, bytes]], bool]

    def __call__(self, seed: int, number: int, folder: Path) -> str:
        """Disturb a run, look at what is there, and run again: a trial."""
        want, seconds = _undisturbed(self, folder / "reference")
        random = np.random.default_rng([seed, number])
        work = fresh(folder / "work")
        self.make_inputs(work)
        if random.random() < 0.5:  # over the results of an earlier run
            earlier = run(self.main, self.earlier_arguments(random, work), work / "log", leave_alone)
            if earlier.code != 0:
                return f"FAULT: the earlier run ended with {earlier.code}: {earlier.printed[-500:]}"
        before = tree(work / "out")

        kind, plan, renames = random_plan(random, 1.1 * seconds)
        end = run(self.main, self.arguments(work), work / "log", plan, renames)
        problem = end.fault or self._problem(work / "out", before, end.code)
        if problem:
            return f"FAULT: {kind}: {problem}"

        again = run(self.main, self.arguments(work), work / "log", leave_alone)
        have = {name: content for name, content in tree(work / "out").items() if "interrupted" not in name}
        problem = again.fault or difference(have, want)
        if problem or again.code != 0 or staging_left(work):
            return (
                f"FAULT: {kind}, then run again: {again.code} {problem} {staging_left(work)} {again.printed}"
            )
        return kind if end.code is None else f"{kind}, status {end.code}"

    def _problem(self, out: Path, before: dict[str, bytes], code: int | None) -> str:
        """What is wrong after a disturbed run."""
        have = tree(out)
        lost = before.keys() - have.keys()
        if lost:
            return f"lost {sorted(lost)}"
        if half_files(out):
            return f"half files {half_files(out)}"
        if code == 1 and not self.has_saved(have):
            return "status 1, but nothing is saved"
        return "" if code in (None, 0, 1, 2) else f"status {code}"


@lru_cache(maxsize=1)
def _undisturbed(script: Script, folder: Path) -> tuple[dict[str, bytes], float]:
    """What a run that is left alone writes, and how many seconds it takes."""
    script.make_inputs(fresh(folder))
    begin = time.monotonic()
    end = run(script.main, script.arguments(folder), folder / "log", leave_alone)
    assert end.code == 0, end.printed
    return tree(folder / "out"), time.monotonic() - begin
