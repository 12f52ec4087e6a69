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


def random_model(yaml: str) -> torch.nn.Module:
    """A model of one of ultralytics' own architectures, with weights that find something everywhere.

    `-pf` at the end of a YOLOE's name stands for one with a vocabulary of its own.
    """
    kind = _kind(yaml)
    spread = 0.02 if "RTDETR" in kind else 0.2  # much random attention makes roundings large
    has_vocabulary = yaml.endswith("-pf.yaml")
    settings = tasks.yaml_model_load(yaml.replace("-pf.yaml", ".yaml"))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = getattr(tasks, kind)(settings, verbose=False)
        if "kpt_shape" in model.yaml:
            model.kpt_shape = model.yaml["kpt_shape"]  # as a training leaves it
        for layer in model.model[-1].modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear) and layer.bias is not None:
                layer.weight.data.normal_(0, spread)
                layer.bias.data.normal_(-1, 1)
        if kind.startswith("YOLOE"):
            words = [f"word {number}" for number in range(7)]
            model.set_classes(words, torch.nn.functional.normalize(torch.randn(1, len(words), 512), dim=-1))
            if has_vocabulary:
                _build_in(model.eval(), words)
    return model


def _kind(yaml: str) -> str:
    """The class of ultralytics' models that a YAML is for."""
    if "rtdetr" in yaml:
        return "RTDETRDetectionModel"
    if "world" in yaml:
        return "WorldModel"
    if "yoloe" in yaml:
        return "YOLOESegModel" if "-seg" in yaml else "YOLOEModel"
    task = yaml.removesuffix(".yaml").rpartition("-")[2]
    kinds = {"seg": "Segmentation", "pose": "Pose", "obb": "OBB", "cls": "Classification", "depth": "Depth"}
    return kinds.get(task, "SemanticSegmentation" if task == "sem" else "Detection") + "Model"


def _build_in(model: Any, words: list[str]) -> None:
    """Have a YOLOE find its words without a text model, as ultralytics' `-pf` checkpoints do."""
    head = model.model[-1]
    head.fuse(model.pe)
    branch = head.one2one_cv3 if head.end2end else head.cv3
    model.args = {"imgsz": 64}
    with torch.no_grad():
        model.set_vocab(torch.nn.ModuleList(layers[-1] for layers in branch), words)


def save(model: Any, path: Path, **more: Any) -> Path:
    """Write a checkpoint as ultralytics' trainer does."""
    kind = type(model).__name__
    tasks_of = {
        "SegmentationModel": "segment",
        "YOLOESegModel": "segment",
        "PoseModel": "pose",
        "OBBModel": "obb",
    }
    task = tasks_of.get(kind, "detect")
    model.task, model.args = task, {"imgsz": 320, "task": task, "model": "x"}
    torch.save({"model": model, "ema": None, "epoch": -1, "train_args": {"task": task}, **more}, path)
    return path
