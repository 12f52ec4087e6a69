"""Start as the scripts do, one step after the other, and print the seconds of each as JSON.

python -m tools.bench.gpu.steps YOLO SAM DEVICE
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(yolo: str, sam: str, device_name: str) -> None:
    steps: dict[str, float] = {}

    def step(name: str, run: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        found = run()
        steps[name] = time.perf_counter() - begun
        return found

    step("importing torch", lambda: __import__("torch"))
    step("the rest", lambda: __import__("sav.segmenter"))
    device = step("starting the device", lambda: _started(device_name))

    from sav.config import PICTURE_DETECTION
    from sav.detectors.load import load_detector
    from sav.device import choose_precision
    from sav.sam.load import load_sam

    detector = step("detector", lambda: load_detector({"yolo": Path(yolo)}, device, PICTURE_DETECTION))
    model = step("SAM", lambda: load_sam(Path(sam), device, choose_precision("auto", device)))

    import numpy as np

    picture = np.zeros((1080, 1920, 3), np.uint8)
    step("first detection", lambda: detector([picture]))
    step("first embedding", lambda: model.embed([picture])[0].features.coarse.sum().item())
    print(json.dumps(steps))


def _started(name: str) -> Any:
    import torch

    from sav.device import choose_device

    device = choose_device(name)
    torch.ones(1, device=device).sum().item()
    return device


if __name__ == "__main__":
    main(*sys.argv[1:])
