"""Small detectors of ultralytics with random weights, and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from sav.detectors.door import import_ultralytics

tasks = import_ultralytics().nn.tasks
NAMES = {0: "person", 1: "dog", 2: "bus"}


def tiny_model(channels: int = 3, classes: int = 3, head: str = "Detect", **more: Any) -> torch.nn.Module:
    """A detector of four layers that sees grids of 8, 16 and 32 pixels."""
    layers = {
        "nc": classes,
        "backbone": [[-1, 1, "Conv", [8, 5, 4]], *[[-1, 1, "Conv", [8, 3, 2]]] * 3],
        "head": [[[1, 2, 3], 1, head, ["nc"]]],
        **more,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = tasks.DetectionModel(layers, ch=channels, nc=classes, verbose=False)
        for tensor in model.parameters():
            if tensor.ndim > 1:
                tensor.data.normal_(0, 0.3)
    model.names = {number: NAMES.get(number, f"class {number}") for number in range(classes)}
    model.yaml["channels"] = channels
    return model


def save(model: Any, path: Path, **more: Any) -> Path:
    """Write a checkpoint as ultralytics' trainer does."""
    kind = type(model).__name__
    task = {"SegmentationModel": "segment", "PoseModel": "pose", "OBBModel": "obb"}.get(kind, "detect")
    model.task, model.args = task, {"imgsz": 320, "task": task, "model": "x"}
    torch.save({"model": model, "ema": None, "epoch": -1, "train_args": {"task": task}, **more}, path)
    return path
