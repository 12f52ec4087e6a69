"""Trains YOLOv8 on Objects365: `python -m tools.objects365 prepare|train|evaluate|export --data FOLDER`.

The commands in their order; each can be stopped and goes on when it is run again: docs/objects365.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from sav.commands.arguments import Parser
from sav.commands.cli import guarded, script
from sav.errors import DONE
from tools.training.console import positive, progress_of, require, say

SIZES = "nsmlx"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(
        prog="python -m tools.objects365", description="Trains YOLOv8 on Objects365.", main_flag="--data"
    )
    parser.add_argument("command", choices=("prepare", "train", "evaluate", "export"))
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder that Objects365 v2 was unpacked to")
    add("--model", choices=tuple(SIZES), help="size of YOLOv8 (not needed to prepare)")
    add("--work", type=Path, help="where all that is made goes (default: yolo, in the folder of --data)")
    add("--run", metavar="NAME", help="name of the training (default: that of the size)")
    add("--device", default="auto", help="cpu, or GPUs: 0 or 0,1,2,3 (default: auto, the first GPU)")
    add("--jobs", type=positive, default=os.cpu_count() or 1, help="prepare: processes that look at pictures")
    training = parser.add_argument_group("train")
    training.add_argument("--epochs", type=positive, help="length of the schedule (default: 30)")
    training.add_argument(
        "--batch", type=positive, help="pictures a step, of all GPUs together (default: 64)"
    )
    training.add_argument(
        "--imgsz", type=positive, help="side of the pictures (default: 640; evaluate: that of the training)"
    )
    training.add_argument(
        "--workers", type=int, default=8, help="processes a GPU that read pictures (default: 8)"
    )
    training.add_argument(
        "--start", type=Path, metavar="FILE", help="weights to start from, such as yolov8m.pt"
    )
    add("--out", type=Path, metavar="FILE", help="export: where the checkpoint goes")
    add("--verbose", action="store_true", help="show ultralytics' own lines and progress bars")
    add("--debug", action="store_true", help="show where an error comes from")
    args = parser.parse_args(argv)
    if args.command != "prepare" and not args.model:
        parser.error(f"{args.command} needs --model: one of {', '.join(SIZES)}")
    args.work = args.work or args.data / "yolo"
    return args


def run(args: argparse.Namespace) -> int:
    """Do what is asked for."""
    require("ijson", "psutil")
    commands = {"prepare": _prepare, "train": _train, "evaluate": _evaluate, "export": _export}
    commands[args.command](args)
    return DONE


def _prepare(args: argparse.Namespace) -> None:
    from tools.objects365.prepare import prepare
    from tools.training.listing import summary

    counts = prepare(args.data, args.work, args.jobs, say)
    for line in summary(args.work, counts):
        say(line)


def _train(args: argparse.Namespace) -> None:
    from tools.objects365.training import begin, planned
    from tools.training.devices import device_list
    from tools.training.runs import epoch_line

    run = planned(args.model, args.work, args.run, device_list(args.device), args.start, _given(args))
    begin(run, args.work, say, lambda trainer: say(epoch_line(trainer)), args.verbose)
    say(f"{run.best} is trained; evaluate measures it, export makes a checkpoint for seg.py and track.py")


def _given(args: argparse.Namespace) -> dict[str, int]:
    """The settings of a training that were asked for."""
    names = ("epochs", "batch", "imgsz", "workers")
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _evaluate(args: argparse.Namespace) -> None:
    from tools.training.devices import first_device
    from tools.training.evaluation import evaluate
    from tools.training.listing import read_names
    from tools.training.runs import trained, trained_size

    folder = run_folder(args)
    best, imgsz = trained(folder), args.imgsz or trained_size(folder)
    with progress_of("measuring") as tell:
        found = evaluate(best, args.work, read_names(args.work), first_device(args.device), imgsz, tell)
    found.save(folder)
    for line in found.lines():
        say(line)


def _export(args: argparse.Namespace) -> None:
    from tools.training.export import export

    name = f"yolov8{args.model}-objects365.pt"
    about = f"YOLOv8{args.model} trained on Objects365 v2: 365 classes of everyday things."
    made = export(run_folder(args), args.work, args.out or args.work / "export" / name, about)
    say(f"{made.checkpoint}\nSHA-256 {made.sha256}\n{made.card}")
    if not made.is_measured:
        say("note: the card has no figures, for this checkpoint was not evaluated; run evaluate, then export")


def run_folder(args: argparse.Namespace) -> Path:
    """Where a training lies."""
    folder: Path = args.work / "runs" / (args.run or f"yolov8{args.model}")
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run one of the commands."""
    return guarded(run, parse(argv))


if __name__ == "__main__":
    script(main)
