"""The GPU rows of the benchmark and `tests/gpu`: for a machine without a network.

Stages come in the order of what they tell; each has a time limit of its own, one that fails is a row, and
each row is written to rows.jsonl and rows.md as it is measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tools.bench.__main__ import make_options
from tools.bench.__main__ import parse as parse_options
from tools.bench.gpu.lab import Settings
from tools.bench.gpu.sheet import Figure, Sheet
from tools.bench.gpu.staged import Staged
from tools.bench.gpu.stages import STAGES
from tools.bench.measure import best_device, card, in_a_process
from tools.bench.scripts import quiet_ultralytics

# Seconds below which no stage is begun.
_LEAST = 4.0
_TINY: dict[str, Any] = {
    "models": ("tiny",), "batches": (1, 2), "boxes": (1, 3), "points": 8, "frames": (4, 3),
    "size_hw": (180, 320), "video_yolo": "yolov8n",
}  # fmt: skip
_FULL: dict[str, Any] = {"models": ("h",), "boxes": (1, 10, 50, 100), "frames": (150, 120)}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = argparse.ArgumentParser(prog="tools/gpu_check.sh", description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("stages", nargs="*", metavar="STAGE", help=f"which of: {' '.join(STAGES)} (default: all)")
    add(
        "--out",
        type=Path,
        default=Path("gpu_check"),
        metavar="FOLDER",
        help="for the rows (default: gpu_check)",
    )
    add("--minutes", type=float, default=8.0, metavar="N", help="no stage goes on after these (default: 8)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:1 (default: auto)")
    add("--tiny", action="store_true", help="small models and few frames, to see that all stages run")
    args = parser.parse_args(argv)
    unknown = [stage for stage in args.stages if stage not in STAGES]
    if unknown:
        parser.error(f"there is no stage '{unknown[0]}'; take some of {' '.join(STAGES)}")
    return args


def make_settings(args: argparse.Namespace, folder: Path) -> Settings:
    """Those of the benchmarks on a GPU, or small ones."""
    from dataclasses import replace

    options = make_options(parse_options(["--device", args.device]), folder)
    changed = replace(options, **(_TINY if args.tiny else _FULL))
    return Settings(changed, args.out.absolute() / "errors.log", args.tiny)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages; 0 if no row says that something failed, else 1; 2 where there is no GPU."""
    begun, args = time.monotonic(), parse(argv)
    best = in_a_process(best_device) if find_spec("torch") else ""
    args.device = best if args.device == "auto" else args.device
    if not best or (not args.tiny and "cpu" in (best, args.device)):
        missing = "no GPU here that PyTorch can use; --tiny tries all stages on the CPU"
        print(missing if best else "PyTorch is not installed here", file=sys.stderr)
        return 2
    args.out.mkdir(parents=True, exist_ok=True)
    print(card(), flush=True)
    rows: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="sav-gpu-") as folder:
        os.environ.update(quiet_ultralytics(Path(folder)))
        settings = make_settings(args, Path(folder))
        sheet = Sheet(args.out)
        with closing(Staged(settings)) as staged:
            stages = args.stages or [*STAGES]
            for place, stage in enumerate(stages):
                left = 60 * args.minutes - (time.monotonic() - begun)
                limit = seconds_for(stages[place:], left) * (10 if args.tiny else 1)
                for figure in _figures(stage, staged, limit):
                    sheet.add(stage, figure)
                    rows.append(figure)
    return 1 if any(row.note.startswith("failed") for row in rows) else 0


def seconds_for(stages: Sequence[str], left: float) -> float:
    """Seconds for the first of some stages, so that the others can have their usual ones."""
    others = sum(STAGES[stage].usual for stage in stages[1:])
    return min(STAGES[stages[0]].most, max(left - others, min(left, STAGES[stages[0]].usual)))


def _figures(stage: str, staged: Staged, limit: float) -> Any:
    if limit < _LEAST:
        return [Figure(stage, note="not measured: no time is left")]
    return staged.figures(stage, limit)


if __name__ == "__main__":
    # Ended from outside, it still takes its checkpoints of gigabytes away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
