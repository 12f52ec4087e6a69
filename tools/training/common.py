"""What all trainings here have in common of ultralytics' arguments."""

from __future__ import annotations

from typing import Any


def common(device: str) -> dict[str, Any]:
    """The arguments on `device`: `cpu`, or GPUs as in `0,1`."""
    return {
        "imgsz": 640,
        "lrf": 0.01,
        "weight_decay": 5e-4,
        "mosaic": 1.0,
        "translate": 0.1,
        "fliplr": 0.5,
        "hsv_h": 0.015,
        "hsv_s": 0.7,
        "hsv_v": 0.4,
        # Schedules are short and end well only at their end.
        "patience": 0,
        "amp": device != "cpu",
        "deterministic": False,
        "seed": 0,
        "device": device,
    }
