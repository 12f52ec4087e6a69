"""Every stage of the program and the whole, beside upstream's way, in one run: `python -m tools.bench`.

Each side of a stage has a process of its own, the two take turns, and their results are compared. Rows are
printed, and written to the JSON file, as they are measured.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tools.bench.compare import rows_of
from tools.bench.measure import best_device, hardware, in_a_process, versions
from tools.bench.options import Options
from tools.bench.report import HEADING, Row, lines, write_json
from tools.bench.scripts import quiet_ultralytics
from tools.bench.stages import STAGES


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("stages", nargs="*", metavar="STAGE", help=f"which of: {' '.join(STAGES)} (default: all)")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--precision", default="auto", help="as in seg.py; the reference is float32")
    add("--models", metavar="LIST", help="of b, l, h (random weights) and demo (default: b; b,l,h on a GPU)")
    add("--sam", metavar="FILE", help="a SAM checkpoint instead of --models")
    add("--yolo", type=Path, metavar="FILE", help="the detector of seg.py (default: the demo checkpoint)")
    add("--batches", type=_numbers, metavar="LIST", help="of the encoder (default: 1,4; 1,4,8 on a GPU)")
    add("--boxes", type=_numbers, metavar="LIST", help="box prompts (default: 1,20,100,300)")
    add("--points", type=int, help="points a side of everything (default: 32)")
    add("--repeats", type=int, help=f"most timed runs of each side (default: {Options.repeats})")
    add(
        "--budget",
        type=float,
        metavar="S",
        help=f"seconds for repeats of a case (default: {Options.budget:g})",
    )
    add("--picture", type=Path, help="the picture (default: ultralytics' bus.jpg, else a demo picture)")
    add("--video", type=Path, help="the video of the demo checkpoints (default: TestImages/street.mp4)")
    add("--frames", type=_numbers, metavar="A,B",
        help="frames of the demo video and of the 1080p one (default: 24,6; 100,300 on a GPU)")  # fmt: skip
    add("--json", type=Path, metavar="OUT", help="also write the rows here")
    args = parser.parse_args(argv)
    unknown = [stage for stage in args.stages if stage not in STAGES]
    if unknown:
        parser.error(f"there is no stage '{unknown[0]}'; take some of {' '.join(STAGES)}")
    for path in (args.sam, args.yolo, args.picture, args.video):
        if path and not Path(path).is_file():
            parser.error(f"there is no file {path}")
    return args


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def make_options(args: argparse.Namespace, folder: Path) -> Options:
    """What was asked for, and for the rest what suits the device."""
    device = args.device if args.device != "auto" else in_a_process(best_device)
    settings: dict[str, Any] = {"picture": _bus(), "budget": 40.0}
    if device.startswith("cuda"):
        settings |= {
            "models": tuple("blh"),
            "batches": (1, 4, 8),
            "video_yolo": "yolov8x",
            "frames": (100, 300),
        }
    names = {field.name for field in fields(Options)} - {"models"}
    settings |= {name: value for name, value in vars(args).items() if name in names and value is not None}
    if args.sam or args.models:
        settings["models"] = (args.sam,) if args.sam else tuple(args.models.split(","))
    return Options(**{**settings, "folder": folder, "device": device})


def _bus() -> Path:
    from importlib.util import find_spec

    found = find_spec("ultralytics")
    bus = Path(found.origin).parent / "assets" / "bus.jpg" if found and found.origin else Options.picture
    return bus if bus.is_file() else Options.picture


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stages; 0 if all were measured and all results agree, else 1."""
    args = parse(argv)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="sav-bench-") as folder:
        os.environ.update(quiet_ultralytics(Path(folder)))
        options = make_options(args, Path(folder))
        machine = in_a_process(hardware, options.device)
        print(", ".join(f"{name} {value}" for name, value in {**machine, **versions()}.items()))
        print(HEADING, flush=True)
        for stage in args.stages or STAGES:
            for row in rows_of(stage, options, machine):
                rows.append(row)
                print(lines(row), flush=True)
                if args.json:
                    heading = {"hardware": machine, "versions": versions(), "options": asdict(options)}
                    write_json(args.json, heading, rows)
    return 0 if all(row.is_good for row in rows) else 1


if __name__ == "__main__":
    # Ended from outside, it still takes its checkpoints of gigabytes away.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
