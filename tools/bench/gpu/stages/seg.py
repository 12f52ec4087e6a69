"""A run over pictures with the large SAM and everything: pictures a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from sav.config import DetectionConfig, EverythingConfig
from sav.data.types import Image
from sav.formats.registry import PICTURE_FORMATS
from sav.inputs import as_frame
from sav.runs.pictures.plan import plan_pictures
from sav.runs.pictures.run import run_pictures
from sav.segmenter import Segmenter
from tools.bench.case import Goal
from tools.bench.gpu.known_masks import NOTE, KnownMasks, KnownPicture
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.track import memory
from tools.bench.inputs import read_picture
from tools.bench.models import sam_checkpoint

# The demo's detector takes photographs for crowds.
_OBJECTS = 5


def figures(lab: Lab) -> Iterator[Figure]:
    options, count = lab.options, 2 if lab.is_tiny else 24
    pictures = _pictures(lab, count)
    known = _known(lab, pictures)
    lab.forget_models()
    loaded = Segmenter.load(
        options.yolo,
        sam_checkpoint(options, lab.large),
        device=options.device,
        precision=options.precision,
        detect=DetectionConfig(max_det=_OBJECTS),
        everything=EverythingConfig(points_per_side=options.points),
    )
    models = loaded.detector, KnownMasks(loaded.sam, known)
    segmenter = Segmenter(*models, detect=loaded.detect, everything=loaded.everything)

    name = f"pictures like {options.picture.name}, {lab.name_of(lab.large)}, {_OBJECTS} objects, everything"
    lab.reset_memory()
    first = lab.once(lambda: _run(lab, segmenter, pictures[:1]))
    note = f"with what is compiled and captured once; {NOTE}"
    yield Figure(f"{name}, a first one", first, "s", note=note)
    seconds = lab.once(lambda: _run(lab, segmenter, pictures))
    goal = Goal("pictures/s", 6.0)
    yield Figure(
        f"{name}, {count} of them", count / seconds, "pictures/s", goal, note=f"with writing; {NOTE}"
    )
    yield memory(lab, name, besides=sum(picture.nbytes for _, picture in known))


def _known(lab: Lab, pictures: list[Path]) -> list[tuple[Image, KnownPicture]]:
    """The pictures, and what the demo's SAM finds in each."""
    demo = lab.sam("demo")
    images = [as_frame(path).image for path in pictures]
    return [(image, KnownPicture.seen_by(demo, image, lab.options.points)) for image in images]


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
