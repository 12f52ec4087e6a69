"""A run over pictures with the large SAM and everything: pictures a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from sav.formats.registry import PICTURE_FORMATS
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.segmenter import Segmenter
from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.track import memory
from tools.bench.inputs import read_picture
from tools.bench.models import sam_checkpoint


def figures(lab: Lab) -> Iterator[Figure]:
    options, count = lab.options, 2 if lab.is_tiny else 24
    lab.forget_models()
    segmenter = Segmenter.load(
        options.yolo,
        sam_checkpoint(options, lab.large),
        device=options.device,
        precision=options.precision,
    )
    name = f"pictures like {options.picture.name}, {lab.name_of(lab.large)}, everything"
    pictures = _pictures(lab, count)
    lab.reset_memory()
    first = lab.once(lambda: _run(lab, segmenter, pictures[:1]))
    yield Figure(f"{name}, a first one", first, "s", note="with what is compiled and captured once")
    seconds = lab.once(lambda: _run(lab, segmenter, pictures))
    goal = Goal("pictures/s", 6.0)
    yield Figure(f"{name}, {count} of them", count / seconds, "pictures/s", goal, note="with writing")
    yield memory(lab, name)


def _run(lab: Lab, segmenter: Segmenter, pictures: list[Path]) -> None:
    plan = plan_pictures(pictures, lab.options.folder / "seg", PICTURE_FORMATS, overwrite=True)
    report = run_pictures(plan, segmenter)
    if report.problem:
        raise RuntimeError(report.problem)


def _pictures(lab: Lab, count: int) -> list[Path]:
    """Pictures that all differ."""
    folder = lab.options.folder / "pictures"
    folder.mkdir(exist_ok=True)
    picture = read_picture(lab.options.picture)
    paths = [folder / f"{shift:02}.jpg" for shift in range(count)]
    for shift, path in enumerate(paths):
        cv2.imwrite(str(path), np.roll(picture, 37 * shift, axis=1))
    return paths
