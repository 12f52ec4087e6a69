"""Seconds a picture, and memory, of detectors and SAMs that suit each other: `python -m tools.bench.presets`.

Random weights of the official sizes, a picture of 1080p, ten objects. First what `--labelled_only` does: find
boxes, encode, make their masks; then "everything", too. Random weights pass no filter, so that the filters
are set to numbers measured on the picture: several hundred of the 3072 masks pass, as in a photograph.

On a CPU each pair has a process of its own, whose greatest resident memory is told; on a GPU all have one,
and memory is that of tensors. Seconds are the clock's, the least of some runs; with `--busy`, for a machine
that does other work, the processor's, shared out over the threads.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from sav.config import EverythingConfig
from sav.detectors.words import Vocabulary
from sav.detectors.yolo import YoloDetector
from sav.device import choose_device, choose_precision
from sav.presets import PRESETS
from sav.sam.everything import point_grid, segment_everything
from sav.sam.model import Embedding, SamModel
from tools.bench.inputs import Picture, random_boxes, resized_picture
from tools.bench.models import untrained_detector
from tools.bench.options import Options
from tools.bench.sams import builders
from tools.bench.sams import load as load_sam

_SIZE_HW, _OBJECTS = (1080, 1920), 10
_WORDS = tuple(f"word {number}" for number in range(10))
# Of the masks of "everything" this share passes the filter by predicted IoU; that by stability is looked at.
_PASSING = 0.15
_POINTS_PER_SIDE = 16
# Detectors and SAMs beside those of the presets, the lighter first.
_MORE = (
    ("yolov8s-worldv2", "mobile_sam"),
    ("yolov8s", "sam2.1_hiera_tiny"),
    ("yolov8l", "sam2.1_hiera_base_plus"),
    ("yolov8x", "sam2.1_hiera_large"),
    ("yolov8x", "sam_vit_b"),
    ("yolov8x-worldv2", "sam_vit_h"),
)


def pairs() -> dict[str, tuple[str, str]]:
    """What is measured: the architectures of a detector and a SAM, by the words of a table's row."""
    named = {f"{detector} and {sam}": (detector, sam) for detector, sam in _MORE}
    for name, preset in PRESETS.items():
        official = Path(preset.sam_checkpoint).stem
        sam = "sam_vit_h" if official.startswith("sam_vit_h") else official
        named[name] = (Path(preset.yolo_checkpoint).stem, sam)
    return named


def load_detector(architecture: str, device: torch.device, folder: Path) -> YoloDetector:
    """A detector of random weights; one that takes words is told ten."""
    from numpy.random import default_rng

    path = untrained_detector(Options(folder), architecture)
    vectors = default_rng(0).standard_normal((len(_WORDS), 512), "float32")
    told = Vocabulary(_WORDS, vectors, "") if "world" in architecture else None
    return YoloDetector(path, device, vocabulary=told, precision=choose_precision("auto", device))


@torch.inference_mode()
def usual_filters(sam: SamModel, embedding: Embedding) -> EverythingConfig:
    """Filters of "everything" that let as many masks of random weights pass as they do of trained ones."""
    points = point_grid(_POINTS_PER_SIDE) * embedding.size_hw[::-1]
    predicted = sam.decode_points(embedding, points)[1].float()
    least = max(float(predicted.quantile(1 - _PASSING)), 1e-9)
    return EverythingConfig(
        predicted_iou_threshold=least, stability_threshold=1e-9, stability_offset=1e-9, nms_threshold=1.0
    )


def measure(
    detector: YoloDetector, sam: SamModel, picture: Picture, runs: int, clock: Callable[[], float]
) -> list[float]:
    """Least seconds of named objects and of all, and how many masks passed, to be sure."""
    boxes = random_boxes(_OBJECTS, picture.shape[:2])

    def named() -> Embedding:
        detector([picture])
        (embedding,) = sam.embed([picture])
        sam.masks_from_boxes(embedding, boxes)
        return embedding

    embedding = named()
    filters = usual_filters(sam, embedding)
    of_named = min(_seconds(named, sam.device, clock) for _ in range(runs))
    found: list[int] = []
    rest = [
        _seconds(lambda: found.append(len(segment_everything(sam, embedding, filters))), sam.device, clock)
        for _ in range(runs)
    ]
    return [of_named, of_named + min(rest), found[0]]


def _seconds(work: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    begun = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - begun


def row(architectures: tuple[str, str], args: argparse.Namespace) -> list[float]:
    """Seconds and masks of `measure`, and the most memory in GB."""
    device = choose_device(args.device)
    if device.type == "cuda":
        gc.collect()  # of the pair before
        torch.cuda.reset_peak_memory_stats(device)
    with tempfile.TemporaryDirectory() as folder:
        detector = load_detector(architectures[0], device, Path(folder))
    sam = load_sam(builders()[architectures[1]], args.device, "auto")

    picture = resized_picture(Options(Path()), _SIZE_HW)
    clock = (lambda: time.process_time() / args.threads) if args.busy else time.perf_counter
    found = measure(detector, sam, picture, args.runs, clock)
    if device.type == "cuda":
        return [*found, torch.cuda.max_memory_allocated(device) / 1e9]
    return [*found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9]


def _rows(args: argparse.Namespace) -> Iterator[tuple[str, list[float]]]:
    known = pairs()
    for name in args.names or known:
        if choose_device(args.device).type == "cuda":
            yield name, row(known[name], args)
            continue
        command = [sys.executable, "-m", "tools.bench.presets", name, "--only", "--runs", str(args.runs)]
        command += ["--device", args.device, "--threads", str(args.threads), *["--busy"] * args.busy]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        yield name, json.loads(done.stdout.splitlines()[-1])


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table, a row a pair, each as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.presets", description=__doc__)
    parser.add_argument(
        "names", nargs="*", choices=[[], *pairs()], metavar="NAME", help="rows (default: all)"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    if args.only:
        print(json.dumps(row(pairs()[args.names[0]], args)))
        return 0

    print("| | detector | SAM | named objects, s | with everything, s | masks | memory, GB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, (named, everything, masks, memory) in _rows(args):
        parts = " | ".join(pairs()[name])
        print(
            f"| {name} | {parts} | {named:.2f} | {everything:.1f} | {masks:.0f} | {memory:.1f} |", flush=True
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
