"""Seconds a picture of every kind of SAM, with random weights: `python -m tools.bench.sams`.

A picture of 1080p is encoded, and the masks of ten boxes are made, as the scripts do it. `--everything` adds
its 32x32 points: random weights pass no filter by predicted IoU, so that it is all but making the masks that
would. On a CPU it is the processor's time on one thread, which other work on the machine hardly changes; on a
GPU the clock's. The least of some runs is given.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sav.detectors.door import import_sam_modules
from sav.device import choose_device, choose_precision
from sav.sam.everything import segment_everything
from sav.sam.load import load_sam
from sav.sam.model import SamModel
from tools.bench.inputs import random_boxes, resized_picture
from tools.bench.options import Options

_SIZE_HW, _BOXES = (1080, 1920), 10


def builders() -> dict[str, Callable[[], nn.Module]]:
    """What makes each kind, by the name of its official file."""
    import_sam_modules()
    from segment_anything import sam_model_registry
    from ultralytics.models.sam import build

    return {
        "mobile_sam": build.build_mobile_sam,
        "sam2.1_hiera_tiny": build.build_sam2_t,
        "sam2.1_hiera_small": build.build_sam2_s,
        "sam2.1_hiera_base_plus": build.build_sam2_b,
        "sam2.1_hiera_large": build.build_sam2_l,
        "sam_vit_b": sam_model_registry["vit_b"],
        "sam_vit_l": sam_model_registry["vit_l"],
        "sam_vit_h": sam_model_registry["vit_h"],
    }


def measure(model: SamModel, runs: int, with_everything: bool) -> list[float]:
    """Least seconds of encoding a picture, of its boxes, and of everything."""
    options = Options(Path())
    picture, boxes = resized_picture(options, _SIZE_HW), random_boxes(_BOXES, _SIZE_HW)
    embedding = model.embed([picture])[0]
    works: list[Callable[[], Any]] = [
        lambda: model.embed([picture]),
        lambda: model.masks_from_boxes(embedding, boxes),
    ]
    if with_everything:
        works.append(lambda: segment_everything(model, embedding))
    return [min(_seconds(work, model.device) for _ in range(runs)) for work in works]


def load(build: Callable[[], nn.Module], device: str, precision: str) -> SamModel:
    """A SAM out of a file of random weights, as the scripts load it."""
    torch.manual_seed(0)
    chosen = choose_device(device)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sam.pt"
        with torch.device(chosen):  # where random numbers are made fast
            torch.save({"model": build().state_dict()}, path)
        return load_sam(path, chosen, choose_precision(precision, chosen))


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    start = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - start


def main(argv: list[str] | None = None) -> int:
    """Print a table, a row a kind and precision."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.sams", description=__doc__)
    parser.add_argument("names", nargs="*", help="which kinds (default: all)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", nargs="+", default=["auto", "float32"])
    parser.add_argument("--everything", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args(argv)
    if args.device == "cpu":
        torch.set_num_threads(1)

    known = builders()
    titles = ["SAM", "precision", "encode, s", f"{_BOXES} boxes, s", *["everything, s"] * args.everything]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    for name in args.names or known:
        for precision in args.precisions:
            found = measure(load(known[name], args.device, precision), args.runs, args.everything)
            cells = " | ".join(f"{seconds:.2f}" for seconds in found)
            print(f"| {name} | {precision} | {cells} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
