"""A training on Objects365: planned from its recipe, checked against the machine, begun."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.objects365.recipes import settings
from tools.training.listing import DESCRIPTION, REPORT, read_names
from tools.training.quiet import quiet_ultralytics
from tools.training.resources import check, needs
from tools.training.runs import OnEpoch, Run, is_done, train
from tools.training.start import read_model


def planned(
    size: str, work: Path, name: str | None, device: str, start: Path | None, given: Mapping[str, Any]
) -> Run:
    """The training of a size.

    Args:
        size: n, s, m, l or x.
        work: The prepared data set.
        name: What the run is called; None for the name of the size.
        device: `cpu`, or GPUs as in `0,1,2,3`.
        start: A checkpoint to start from; None for random weights.
        given: Settings in place of the recipe's.

    Raises:
        CheckpointError: `start` is no detector whose weights can be had.
        SettingError: The data set is not prepared.
    """
    read_names(work)
    model = read_model(start) if start else None
    folder = work / "runs" / (name or f"yolov8{size}")
    return Run(work / DESCRIPTION, folder, f"yolov8{size}.yaml", settings(size, device, **given), model)


def begin(run: Run, work: Path, tell: Callable[[str], None], on_epoch: OnEpoch, is_verbose: bool) -> None:
    """Check disk and memory, then train; a training that was stopped goes on.

    Raises:
        SettingError: There is too little of something, or the run was begun with other settings.
        CheckpointError: What it is to go on from cannot be read.
    """
    if is_done(run, tell):
        return
    sums = json.loads((work / REPORT).read_text(encoding="utf-8")).values()
    pictures, boxes = (sum(split.get(what, 0) for split in sums) for what in ("pictures", "boxes"))
    with quiet_ultralytics() as ultralytics:
        model = ultralytics.nn.tasks.DetectionModel(run.architecture, nc=len(read_names(work)), verbose=False)
    for line in check(needs(model, pictures, boxes, dict(run.settings)), run.folder, run.settings["device"]):
        tell(line)
    train(run, on_epoch, is_verbose)
