"""track.py killed and interrupted at random: nothing half, nothing lost, and a rerun gives the same bytes."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import numpy as np

from sav.commands import track
from tests.media.videos import make_video
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

_FORMATS = ["mot", "coco", "yolo", "labelme", "csv", "png", "cutout", "mots", "youtubevis", "cvat"]


def prepare() -> None:
    """Nothing is made beforehand: the first trial makes what an undisturbed run gives."""


@lru_cache(maxsize=1)
def _undisturbed(folder: Path) -> tuple[dict[str, bytes], float]:
    begin = time.monotonic()
    end = run(track.main, _arguments(folder), folder / "log", leave_alone)
    assert end.code == 0, end.printed
    return tree(folder / "out"), time.monotonic() - begin


def trial(seed: int, number: int, folder: Path) -> str:
    """Disturb a run, look at what is there, and run again."""
    if not (folder / "reference").exists():
        _make_video(fresh(folder / "reference"))
    want, seconds = _undisturbed(folder / "reference")
    random = np.random.default_rng([seed, number])
    work = fresh(folder / "work")
    _make_video(work)
    if random.random() < 0.5:
        earlier = run(track.main, _arguments(work), work / "log", leave_alone)
        if earlier.code != 0:
            return f"FAULT: the earlier run ended with {earlier.code}: {earlier.printed[-500:]}"
    before = tree(work / "out")

    kind, plan, renames = random_plan(random, 1.1 * seconds)
    end = run(track.main, _arguments(work), work / "log", plan, renames)
    problem = end.fault or _problem(work, before, end.code)
    if problem:
        return f"FAULT: {kind}: {problem}"

    again = run(track.main, _arguments(work), work / "log", leave_alone)
    have = {name: content for name, content in tree(work / "out").items() if "interrupted" not in name}
    problem = again.fault or difference(have, want)
    if problem or again.code != 0 or staging_left(work):
        return f"FAULT: {kind}, then run again: {again.code} {problem} {staging_left(work)} {again.printed}"
    return kind if end.code is None else f"{kind}, status {end.code}"


def _problem(work: Path, before: dict[str, bytes], code: int | None) -> str:
    """What is wrong after a disturbed run."""
    have = tree(work / "out")
    lost = before.keys() - have.keys()
    if lost:
        return f"lost {sorted(lost)}"
    if half_files(work / "out"):
        return f"half files {half_files(work / 'out')}"
    if code == 1 and "out.interrupted.mp4" not in have:
        return "status 1, but nothing is saved"
    return "" if code in (None, 0, 1, 2) else f"status {code}"


def _make_video(folder: Path) -> None:
    make_video(folder, "source.mp4", count=16, size_hw=(60, 80), audio="aac")
    (folder / "out").mkdir()


def _arguments(folder: Path) -> list[str]:
    paths = ["--video_path", str(folder / "source.mp4"), "--save_path", str(folder / "out" / "out.mp4")]
    return [*paths, "--save", *_FORMATS, *CHECKPOINTS]
