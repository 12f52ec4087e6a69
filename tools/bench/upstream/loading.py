"""Import torch and ultralytics and load both models.

python -m tools.bench.upstream.loading YOLO SAM SIZE DEVICE
"""

from __future__ import annotations

import sys
from typing import Any


def load_sam(path: str, size: str, device: str) -> Any:
    """A float32 SAM from upstream's registry; without a `size` that it knows, out of upstream's modules."""
    from segment_anything import sam_model_registry

    if size in sam_model_registry:
        sam = sam_model_registry[size](checkpoint=path)
    else:
        import torch

        from sav.sam.architecture import build_sam

        sam = build_sam(torch.load(path, map_location="cpu", weights_only=True))
    return sam.to(device).eval()


def load(yolo: str, sam: str, size: str, device: str) -> tuple[Any, Any]:
    """Detector and SAM."""
    from ultralytics import YOLO  # type: ignore[attr-defined]

    return YOLO(yolo).to(device), load_sam(sam, size, device)


if __name__ == "__main__":
    load(*sys.argv[1:])
