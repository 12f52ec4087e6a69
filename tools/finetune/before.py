"""What a checkpoint finds of one's own classes before it is fine-tuned, by their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from sav.detectors.names import read_class_names
from tools.training.listing import Truth
from tools.training.scoring import Found, detect, score


def measure_before(
    checkpoint: Path,
    work: Path,
    names: Sequence[str],
    device: torch.device,
    imgsz: int,
    tell: Callable[[int, int], None] = lambda done, count: None,
) -> tuple[dict[str, float], dict[str, float]] | None:
    """Measure a checkpoint on the pictures that are held back, as far as it has classes of the same names.

    Returns:
        COCO's measures, a class that it has not counting as not found, and AP by class; None if it has none.

    Raises:
        CheckpointError: It is no detector.
        PictureError: A picture cannot be read.
    """
    ours = {name.casefold(): number for number, name in enumerate(names)}
    known = {number: ours[name.casefold()] for number, name in (read_class_names(checkpoint) or {}).items()
             if name.casefold() in ours}  # fmt: skip
    if not known:
        return None
    truth = Truth.load(work)
    found = detect(checkpoint, truth, work, device, imgsz, tell)
    table = np.full(max(*known, int(found.class_ids.max(initial=0))) + 1 if found.class_ids.size else 1, -1)
    for theirs, number in known.items():
        if theirs < len(table):
            table[theirs] = number
    numbers = table[found.class_ids]
    kept = numbers >= 0
    same = Found(found.pictures[kept], found.xyxy[kept], numbers[kept], found.scores[kept])
    measures, by_class = score(same, truth, len(names))
    return measures, {names[number]: value for number, value in by_class.items()}
