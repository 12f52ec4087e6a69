"""seg.py killed and interrupted at random: nothing half, nothing lost, and a rerun gives the same bytes."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from sav.commands import seg
from tests.stubs import picture
from tests.torture.kills import (
    CHECKPOINTS,
    difference,
    fresh,
    half_files,
    leave_alone,
    random_plan,
    run,
    staging_left,
    tree,
)

_PICTURES = 4
_FORMATS = ["coco", "yolo", "labelme", "csv", "png", "cutout", "cvat"]


def prepare() -> None:
    """Nothing is made beforehand: the first trial makes what an undisturbed run gives."""


@lru_cache(maxsize=1)
def _undisturbed(folder: Path) -> tuple[dict[str, bytes], float]:
    begin = time.monotonic()
    end = run(seg.main, _arguments(folder, _PICTURES), folder / "log", leave_alone)
    assert end.code == 0, end.printed
    seconds = time.monotonic() - begin
    return tree(folder / "out"), seconds


def trial(seed: int, number: int, folder: Path) -> str:
    """Disturb a run, look at what is there, and run again."""
    if not (folder / "reference").exists():
        _make_pictures(fresh(folder / "reference"), _PICTURES)
    want, seconds = _undisturbed(folder / "reference")
    random = np.random.default_rng([seed, number])
    work = fresh(folder / "work")
    _make_pictures(work, _PICTURES)
    if random.random() < 0.5:  # over the results of an earlier run
        earlier = run(seg.main, _arguments(work, int(random.integers(1, 5))), work / "log", leave_alone)
        if earlier.code != 0:
            return f"FAULT: the earlier run ended with {earlier.code}: {earlier.printed[-500:]}"
    before = tree(work / "out") if (work / "out").exists() else {}

    kind, plan, renames = random_plan(random, 1.1 * seconds)
    end = run(seg.main, _arguments(work, _PICTURES), work / "log", plan, renames)
    problem = end.fault or _problem(work, before, end.code)
    if problem:
        return f"FAULT: {kind}: {problem}"

    again = run(seg.main, _arguments(work, _PICTURES), work / "log", leave_alone)
    problem = again.fault or difference(tree(work / "out"), want)
    if problem or again.code != 0 or staging_left(work):
        return f"FAULT: {kind}, then run again: {again.code} {problem} {staging_left(work)} {again.printed}"
    return kind if end.code is None else f"{kind}, status {end.code}"


def _problem(work: Path, before: dict[str, bytes], code: int | None) -> str:
    """What is wrong after a disturbed run."""
    have = tree(work / "out") if (work / "out").exists() else {}
    lost = before.keys() - have.keys()
    if lost:
        return f"lost {sorted(lost)}"
    if half_files(work / "out"):
        return f"half files {half_files(work / 'out')}"
    if code == 1 and not have:
        return "status 1, but nothing is saved"
    return "" if code in (None, 0, 1, 2) else f"status {code}"


def _make_pictures(folder: Path, count: int) -> None:
    (folder / "in").mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / "in" / f"{number}.png"), picture(number))


def _arguments(folder: Path, count: int) -> list[str]:
    """The command line for the first `count` pictures."""
    chosen = [str(folder / "in" / f"{number}.png") for number in range(count)]
    source = [str(folder / "in")] if count == _PICTURES else chosen
    flags = ["--save_dir", str(folder / "out"), "--labelled_only", "--save", *_FORMATS]
    return ["--img_path", *source, *flags, *CHECKPOINTS]
