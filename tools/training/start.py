"""The model in a checkpoint that a training is to start from; code in the file is not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sav.checkpoints import find_checkpoints
from sav.detectors.door import import_ultralytics
from sav.detectors.names import model_in
from sav.detectors.rebuild import ForeignError, rebuild
from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint


def read_model(checkpoint: Path) -> Any:
    """An ultralytics model of upright boxes, whose weights and names a training can start from.

    Raises:
        CheckpointError: It is something else, cannot be read, or is not there and cannot be downloaded.
    """
    tasks = import_ultralytics().nn.tasks
    find_checkpoints([checkpoint])
    try:
        with open_checkpoint(checkpoint) as opened:
            model = rebuild(model_in(opened.tree), opened.tensor)
    except (ForeignError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{checkpoint} {error}; take a detector such as yolov8m.pt") from None
    if type(model) is not tasks.DetectionModel or not isinstance(getattr(model, "yaml", None), dict):
        raise CheckpointError(
            f"{checkpoint} is a {type(model).__name__}; start from a plain detector, such as yolov8m.pt"
        )
    return model.float()
