"""Loads the detector that is asked for: a network, or boxes out of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from sav.config import DetectionConfig
from sav.detectors.boxes import BoxFile
from sav.detectors.words import Vocabulary
from sav.detectors.yolo import YoloDetector
from sav.device import EXACT, Precision


def load_detector(
    files: Mapping[str, Path],
    device: torch.device,
    config: DetectionConfig,
    trust_checkpoint: bool = False,
    vocabulary: Vocabulary | None = None,
    precision: Precision = EXACT,
) -> YoloDetector | BoxFile:
    """Load what `files` names.

    Args:
        files: `boxes`, a file or folder of boxes; or `yolo`, a detector's checkpoint.
        device: Where a network computes.
        config: What is kept.
        trust_checkpoint: Run Python code in the checkpoint, if its layers are of its own.
        vocabulary: What a network is to find, if it can be told.
        precision: How a network computes.

    Raises:
        OSError: There are no such boxes.
        SavError: A file cannot be used, or does not know a class that `config` names.
    """
    if "boxes" in files:
        return BoxFile(files["boxes"], config)
    return YoloDetector(files["yolo"], device, config, trust_checkpoint, vocabulary, precision)
