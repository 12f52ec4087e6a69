"""The door to ultralytics: boxes, scores and classes from any of its detection checkpoints."""

from __future__ import annotations

import atexit
import copy
import difflib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from sav.checkpoints import CheckpointError
from sav.config import PICTURE_DETECTION, DetectionConfig
from sav.types import Detections
from sav.types import Image as Picture


def _keep_ultralytics_to_itself() -> None:
    """No installs, no reports home, no files in the user's folder, no code out of checkpoints.

    ultralytics reads these variables once, when it is imported. Loading without code can be switched off from
    outside (ULTRALYTICS_SAFE_LOAD=0) for a checkpoint that needs its own classes and is trusted.
    """
    settings = tempfile.mkdtemp(prefix="sav-ultralytics-")
    atexit.register(shutil.rmtree, settings, ignore_errors=True)
    os.environ["YOLO_CONFIG_DIR"] = settings
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "true")


_keep_ultralytics_to_itself()
_pillow_open, _opencv_threads = Image.open, cv2.getNumThreads()

from ultralytics import YOLO  # noqa: E402
from ultralytics.utils import LOGGER  # noqa: E402

# On import it also replaces Pillow's open and switches OpenCV's threads off, for the whole process.
Image.open = _pillow_open
cv2.setNumThreads(_opencv_threads)
LOGGER.setLevel(logging.WARNING)

# What else finds boxes besides plain detection: their masks and key points are not used.
_TASKS_WITH_BOXES = ("detect", "segment", "pose")

# What ultralytics puts around a picture that is not square.
_GREY = (114, 114, 114)


class Detector:
    """An ultralytics detection model on one device.

    Attributes:
        categories: Every class that the model knows, id to name.
    """

    def __init__(
        self, checkpoint: Path, device: torch.device, config: DetectionConfig = PICTURE_DETECTION
    ) -> None:
        """Load the model and resolve the class names.

        Raises:
            CheckpointError: If the file is not an ultralytics model that finds boxes.
            ValueError: If the model does not know a class that `config` names.
        """
        self._model = _load(checkpoint)
        self._device = device
        self._config = config.over(PICTURE_DETECTION)
        self.categories: Mapping[int, str] = MappingProxyType(dict(self._model.names))
        self._class_ids = resolve_classes(config.classes, self.categories)

    def with_config(self, config: DetectionConfig) -> Detector:
        """The same model with other settings.

        Raises:
            ValueError: If the model does not know a class that `config` names.
        """
        other = copy.copy(self)
        other._config = config.over(PICTURE_DETECTION)
        other._class_ids = resolve_classes(config.classes, self.categories)
        return other

    def __call__(self, images_bgr: Sequence[Picture]) -> list[Detections]:
        """Detect in a batch of `(H, W, 3)` uint8 BGR pictures; strongest boxes first."""
        if not images_bgr:
            return []
        threads = torch.get_num_threads()
        results = self._model.predict(
            [_thick_enough(image, self._config.imgsz or 1) for image in images_bgr],
            conf=self._config.conf,
            iou=self._config.iou,
            imgsz=self._config.imgsz,
            max_det=self._config.max_det,
            classes=self._class_ids,
            device=self._device,
            verbose=False,
        )
        # The first call leaves PyTorch a thread less than there are cores, for the whole process.
        torch.set_num_threads(threads)
        return [
            _detections(result, image.shape[:2]) for result, image in zip(results, images_bgr, strict=True)
        ]


def _load(checkpoint: Path) -> YOLO:
    if checkpoint.suffix != ".pt":
        raise CheckpointError(f"{checkpoint} is not a detector: ultralytics checkpoints end in .pt")
    try:
        model = YOLO(str(checkpoint), verbose=False)
    except Exception as error:  # unpickling a foreign or damaged file can meet anything
        raise CheckpointError(
            f"{checkpoint} cannot be used as a detector: it is damaged, or no ultralytics checkpoint, or"
            " holds classes that are not ultralytics' own (if you trust it, set ULTRALYTICS_SAFE_LOAD=0)"
        ) from error
    if model.task not in _TASKS_WITH_BOXES:
        raise CheckpointError(f"{checkpoint} is a model for '{model.task}'; take one for detection")
    return model


def _thick_enough(image_bgr: Picture, imgsz: int) -> Picture:
    """A picture so thin that nothing is left of it at `imgsz` with grey below or beside it."""
    height, width = image_bgr.shape[:2]
    least = -(-max(height, width) // imgsz)
    below, beside = max(0, least - height), max(0, least - width)
    if not below and not beside:
        return image_bgr
    padded = cv2.copyMakeBorder(image_bgr, 0, below, 0, beside, cv2.BORDER_CONSTANT, value=_GREY)
    return np.asarray(padded, np.uint8)


def _detections(result: Any, size_hw: tuple[int, ...]) -> Detections:
    """Boxes, scores and classes of one ultralytics result as arrays, the boxes inside the picture."""
    table = result.boxes.data.float().cpu().numpy()
    height, width = size_hw
    boxes = np.clip(table[:, :4], 0, np.array([width, height, width, height], np.float32))
    return Detections(boxes, table[:, 4].copy(), table[:, 5].astype(np.int64))


def resolve_classes(wanted: Sequence[str | int], categories: Mapping[int, str]) -> list[int] | None:
    """Class ids for names or ids; None, which ultralytics takes for all, if none is wanted.

    Raises:
        ValueError: If a name or id is unknown; the message names the nearest.
    """
    ids = {name.casefold(): class_id for class_id, name in categories.items()}
    found = []
    for wish in wanted:
        item = str(wish)
        if item.casefold() in ids and not isinstance(wish, int):
            found.append(ids[item.casefold()])
        elif item.isdecimal() and int(item) in categories:
            found.append(int(item))
        else:
            raise ValueError(f"the detector knows no class '{item}'; {_nearest(item, categories)}")
    return sorted(set(found)) or None


def _nearest(item: str, categories: Mapping[int, str]) -> str:
    if item.isdecimal():
        return f"its ids go from {min(categories)} to {max(categories)}"
    by_folded_name = {name.casefold(): name for name in categories.values()}
    close = difflib.get_close_matches(item.casefold(), by_folded_name, n=1, cutoff=0)
    return f"the nearest is '{by_folded_name[close[0]]}'"
