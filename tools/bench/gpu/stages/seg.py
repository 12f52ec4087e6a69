"""seg.py over pictures with the large SAM and everything: pictures a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tools.bench.case import Goal
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.scripts import observed
from tools.bench.gpu.sheet import Figure
from tools.bench.gpu.stages.track import memory, start
from tools.bench.inputs import read_picture
from tools.bench.models import sam_checkpoint
from tools.bench.scripts import our_script


def figures(lab: Lab) -> Iterator[Figure]:
    count = 2 if lab.is_tiny else 24
    folder = _pictures(lab, count)
    flags = ["--img_path", str(folder), "--save_dir", str(lab.options.folder / "seg")]
    models = ["--yolo_checkpoint", str(lab.options.yolo)]
    models += ["--sam_checkpoint", str(sam_checkpoint(lab.options, lab.large))]
    run = observed(lab, "seg.py", our_script(lab.options, "seg.py", [*flags, *models], lambda: None).run)
    name = f"seg.py, {lab.name_of(lab.large)}, everything, {count} pictures like {lab.options.picture.name}"
    yield Figure(
        name, count / run.report["run_s"], "pictures/s", Goal("pictures/s", 6.0), note="with writing"
    )
    yield Figure(f"{name}, start included", count / run.seconds, "pictures/s")
    yield memory(lab, "seg.py", run)
    yield start(lab, "seg.py", run)


def _pictures(lab: Lab, count: int) -> Path:
    """A folder of pictures that all differ."""
    folder = lab.options.folder / "pictures"
    folder.mkdir(exist_ok=True)
    picture = read_picture(lab.options.picture)
    for shift in range(count):
        cv2.imwrite(str(folder / f"{shift:02}.jpg"), np.roll(picture, 37 * shift, axis=1))
    return folder
