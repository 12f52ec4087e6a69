"""A YOLO detector at 1920 pixels, from pictures to boxes, and whether its boxes are float32's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sav.config import DetectionConfig
from sav.data.types import Detections
from sav.segmenter import Segmenter
from tools.bench.gpu.lab import Lab
from tools.bench.gpu.sheet import Figure
from tools.bench.inputs import Picture, read_picture
from tools.bench.models import DEMO, untrained_detector
from tools.bench.options import ROOT

# How far boxes and scores in half precision may be from float32's.
_PIXELS, _SCORE = 1.0, 0.01
# With random weights nothing is likely.
_LEAST_SCORE = 1e-5
_PICTURES = ("clear", "dogs", "dusk", "overcast", "rain", "snow")


def figures(lab: Lab) -> Iterator[Figure]:
    name, size = lab.options.video_yolo, max(lab.options.size_hw)
    checkpoint = untrained_detector(lab.options, name)
    config = DetectionConfig(imgsz=size)
    detectors = {precision: _loaded(lab, checkpoint, config, precision) for precision in ("auto", "float32")}
    theirs = _theirs(lab, checkpoint, size)
    for batch in (1, 4):
        pictures = lab.pictures(batch)
        reference = 1000 * lab.seconds(partial(theirs, pictures)) / batch
        for precision, detector in detectors.items():
            seconds = lab.seconds(partial(detector, pictures))
            told = f"{name} at {size}, --precision {precision}, batch {batch}"
            note = "reference: ultralytics' predict in half precision"
            yield Figure(told, 1000 * seconds / batch, "ms a frame", None, reference, note)
    yield _same_boxes(lab, "demo detector", ROOT / "model" / "demo_yolo.pt", DetectionConfig(), [
        read_picture(ROOT / "TestImages" / f"{name}.jpg") for name in _PICTURES
    ])  # fmt: skip
    yield _same_boxes(lab, name, checkpoint, DetectionConfig(imgsz=size, conf=_LEAST_SCORE), lab.pictures(2))


def _loaded(lab: Lab, checkpoint: Path, config: DetectionConfig, precision: str) -> Any:
    """The detector as the scripts load it."""
    segmenter = Segmenter.load(
        checkpoint, DEMO, device=lab.options.device, precision=precision, detect=config, offline=True
    )
    return segmenter.detector


def _theirs(lab: Lab, checkpoint: Path, size: int) -> Any:
    from ultralytics import YOLO  # type: ignore[attr-defined]

    model, half = YOLO(str(checkpoint)), lab.device.type == "cuda"
    return lambda pictures: model.predict(
        pictures, imgsz=size, half=half, device=lab.options.device, verbose=False
    )


def _same_boxes(
    lab: Lab, name: str, checkpoint: Path, config: DetectionConfig, pictures: Sequence[Picture]
) -> Figure:
    """The share of float32's boxes that the precision of the scripts finds within a pixel, too."""
    fast, exact = (
        _loaded(lab, checkpoint, config, one)(pictures) for one in (lab.options.precision, "float32")
    )
    same = [_found_again(ours, theirs) for ours, theirs in zip(fast, exact, strict=True)]
    count = sum(map(len, same))
    share = 100 * sum(int(one.sum()) for one in same) / max(1, count)
    told = f"of {count}; the others found {sum(map(len, fast))}"
    return Figure(
        f"{name}: float32's boxes that are found within {_PIXELS:g} px and {_SCORE:g}",
        share,
        "%",
        None,
        None,
        told,
    )


def _found_again(ours: Detections, theirs: Detections) -> Any:
    """`(N,)` bool: which of their boxes ours have."""
    if not len(ours) or not len(theirs):
        return np.zeros(len(theirs), bool)
    away = np.abs(theirs.boxes_xyxy[:, None] - ours.boxes_xyxy).max(axis=-1)
    score = np.abs(theirs.scores[:, None] - ours.scores)
    same = (away <= _PIXELS) & (score <= _SCORE) & (theirs.class_ids[:, None] == ours.class_ids)
    return same.any(axis=1)
