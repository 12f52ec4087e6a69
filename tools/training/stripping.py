"""A checkpoint that is ready to be given away: the weights alone, nothing of the machine that made them."""

from __future__ import annotations

from pathlib import Path

import torch

from sav.detectors.door import import_ultralytics
from sav.files import whole_file


def strip(checkpoint: Path, target: Path) -> None:
    """Write the weights alone, in half precision, as `ultralytics.YOLO` loads them; whole or not at all.

    ultralytics' own way of stripping keeps the date and the folders of the training in the file.

    Args:
        checkpoint: What a training of one's own wrote; it is loaded with the code in it.
        target: Where the weights go.
    """
    import_ultralytics()
    from ultralytics.nn.tasks import load_checkpoint

    model, state = load_checkpoint(checkpoint)
    arguments = {"task": "detect", "imgsz": state["train_args"]["imgsz"]}
    model.half().requires_grad_(False)
    model.args, model.criterion, model.pt_path = arguments, None, target.name
    with whole_file(target) as partial:
        torch.save({"epoch": -1, "model": model, "train_args": arguments}, partial)
