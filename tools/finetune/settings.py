"""How a detector is fine-tuned, by how many pictures there are. docs/finetune.md has what was measured."""

from __future__ import annotations

from typing import Any

from tools.training.common import common

# Pictures up to which the first layers, which see edges and parts, stay as they are: it learns sooner.
FEW = 1000
# Steps that a training has at least, and epochs between which their number lies for that.
_STEPS, _LEAST_EPOCHS, _MOST_EPOCHS = 800, 20, 150


def settings(
    pictures: int,
    device: str,
    batch: int | None,
    epochs: int | None,
    freeze: int | None,
    backbone: int = 10,
    **other: Any,
) -> dict[str, Any]:
    """ultralytics' arguments.

    Args:
        pictures: How many are shown in an epoch.
        device: `cpu`, or GPUs as in `0,1`.
        batch: Pictures a step; None for 16, or a quarter of the pictures where they are few.
        epochs: Length of the schedule; None for as many as give enough steps.
        freeze: Layers that stay as they are; None for the backbone where pictures are few.
        backbone: How many layers the backbone has.
        other: Further arguments, in place of those here.
    """
    batch = batch or max(2, min(16, pictures // 4))
    few = pictures <= FEW
    enough = round(_STEPS * batch / max(1, pictures))
    epochs = epochs or min(_MOST_EPOCHS, max(_LEAST_EPOCHS, enough))
    return {
        **common(device),
        "epochs": epochs,
        "batch": batch,
        "nbs": batch,
        "freeze": freeze if freeze is not None else (backbone if few else 0),
        "optimizer": "AdamW",
        "lr0": 1e-3 if few else 5e-4,
        "cos_lr": True,
        "momentum": 0.9,
        "warmup_epochs": min(3.0, epochs / 10),
        "warmup_bias_lr": 0.0,
        # The last epochs see pictures as they are.
        "close_mosaic": max(1, epochs // 5) if epochs > 1 else 0,
        "mixup": 0.0,
        "scale": 0.5,
        "workers": 4,
        **other,
    }
