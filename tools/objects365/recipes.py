"""How each size of YOLOv8 is trained on Objects365, and what is expected of it. docs/objects365.md says why.

Nothing in here was measured by us: this data set cannot be had where the program is made. Every expectation
is an estimate, and stands beside what it was worked out from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.training.common import common

SIZES = "nsmlx"
# Pictures of the training set (the publisher's count) and of COCO, which other trainings were timed on.
PICTURES, _COCO_PICTURES, _COCO_EPOCHS = 1_742_289, 118_287, 300
# Batch that ultralytics' learning rates are meant for.
_NOMINAL_BATCH = 64
# As many pictures are seen as in the 500 epochs of COCO that YOLOv8 was published with, within an eighth.
_EPOCHS = 30


@dataclass(frozen=True)
class Recipe:
    """How one size is trained.

    Attributes:
        scale: By how much pictures are made larger or smaller, at most, as a share.
        mixup: How many pictures have another mixed in, as a share.
        v5_days: Days on one V100 that ultralytics gives for YOLOv5 of this size and 300 epochs of COCO.
        gflops: Of YOLOv5 and YOLOv8 of this size, for one picture of 640 pixels.
        expected_ap: AP (0.5 to 0.95) on the validation set that is likely; an estimate.
    """

    scale: float
    mixup: float
    v5_days: int
    gflops: tuple[float, float]
    expected_ap: float

    @property
    def v100_hours(self) -> float:
        """Hours on one V100; estimated: YOLOv5's time, by how much more YOLOv8 computes on more pictures."""
        pictures = PICTURES * _EPOCHS / (_COCO_PICTURES * _COCO_EPOCHS)
        return 24 * self.v5_days * pictures * self.gflops[1] / self.gflops[0]


# Augmentation as in ultralytics' hyp.scratch-low, -med and -high, but for copy-paste, which needs masks.
# AP of s to x is what PaddleDetection lists for PP-YOLOE+ of the same sizes on this data set after 60 epochs
# (18.1, 25.0, 30.8, 32.7); n is drawn out from those by GFLOPs.
RECIPES = {
    "n": Recipe(0.5, 0.0, 1, (4.5, 8.7), 13),
    "s": Recipe(0.5, 0.0, 2, (16.5, 28.6), 18),
    "m": Recipe(0.9, 0.1, 4, (49.0, 78.9), 25),
    "l": Recipe(0.9, 0.15, 6, (109.1, 165.2), 31),
    "x": Recipe(0.9, 0.15, 8, (205.7, 257.8), 33),
}


def settings(
    size: str, device: str, batch: int | None = None, epochs: int | None = None, **other: Any
) -> dict[str, Any]:
    """ultralytics' arguments for training one size.

    Args:
        size: n, s, m, l or x.
        device: `cpu`, or GPUs as in `0,1,2,3`.
        batch: Pictures a step, of all GPUs together; 64 if None. Beyond 64 the learning rate grows with it.
        epochs: Length of the schedule; 30 if None.
        other: Further arguments, in place of those here: imgsz, workers, cache.
    """
    recipe, batch, epochs = RECIPES[size], batch or _NOMINAL_BATCH, epochs or _EPOCHS
    return {
        **common(device),
        "epochs": epochs,
        "batch": batch,
        "nbs": _NOMINAL_BATCH,
        "optimizer": "SGD",
        "lr0": 0.01 * max(1.0, batch / _NOMINAL_BATCH),
        "momentum": 0.937,
        # Epochs: as many steps as in three of COCO.
        "warmup_epochs": min(0.2, epochs / 10),
        "close_mosaic": max(1, epochs // 15) if epochs > 1 else 0,
        "mixup": recipe.mixup,
        "scale": recipe.scale,
        "workers": 8,
        **other,
    }


def table() -> Iterator[str]:
    """The recipes in Markdown, as the documentation has them."""
    yield "| size | batch | epochs | learning rate | scale | mixup | V100 hours, estimated | AP, estimated |"
    yield "|---|---|---|---|---|---|---|---|"
    for size, recipe in RECIPES.items():
        given = settings(size, "0")
        yield (
            f"| {size} | {given['batch']} | {given['epochs']} | {given['lr0']} | {recipe.scale}"
            f" | {recipe.mixup} | {recipe.v100_hours:.0f} | {recipe.expected_ap:.0f} |"
        )
