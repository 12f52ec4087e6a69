"""Fine-tunes a detector on one's own pictures: `python -m tools.finetune --data DATA --yolo_checkpoint FILE`.

Data in COCO or YOLO form, with as few as twenty pictures of a class. Stopped, it goes on when it is run
again. docs/finetune.md tells more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sav.commands.arguments import Parser
from sav.commands.cli import guarded, script
from sav.errors import DONE
from tools.training.console import positive, progress_of, require, say

if TYPE_CHECKING:
    import torch

    from tools.training.runs import Run


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(
        prog="python -m tools.finetune",
        description="Fine-tunes a detector on one's own pictures.",
        main_flag="--data",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a COCO JSON file, a data.yaml, or a folder with either")
    add("--images", type=Path, help="where the pictures of a COCO file are, if not beside it")
    add("--val", type=Path, help="a COCO JSON file of pictures to measure on (default: a fifth is held back)")
    add("--yolo_checkpoint", type=Path, default=Path("model/yolov8x.pt"),
        help="the detector to start from (default: model/yolov8x.pt)")  # fmt: skip
    add(
        "--out", type=Path, default=Path("FineTuned"), help="where all that is made goes (default: FineTuned)"
    )
    add("--device", default="auto", help="cpu, or GPUs: 0 or 0,1 (default: auto, the first GPU)")
    add("--epochs", type=positive, help="length of the schedule (default: by the number of pictures)")
    add(
        "--batch",
        type=positive,
        help="pictures a step, of all GPUs together (default: 16, less if they are few)",
    )
    add("--imgsz", type=positive, default=640, help="side of the pictures (default: 640)")
    add(
        "--freeze",
        type=int,
        help="layers that stay as they are (default: 10, the backbone, if pictures are few)",
    )
    add("--workers", type=int, default=4, help="processes a GPU that read pictures (default: 4)")
    add("--verbose", action="store_true", help="show ultralytics' own lines and progress bars")
    add("--debug", action="store_true", help="show where an error comes from")
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Prepare, check, train, measure before and after, export."""
    from tools.training.devices import first_device
    from tools.training.evaluation import evaluate
    from tools.training.export import export
    from tools.training.listing import read_names
    from tools.training.runs import epoch_line, train

    require("psutil")
    planned, work = _planned(args), args.out / "data"
    train(planned, lambda trainer: say(epoch_line(trainer)), args.verbose)

    names, device = read_names(work), first_device(args.device)
    _say_before(args, work, names, device)
    with progress_of("measuring") as tell:
        after = evaluate(planned.best, work, names, device, args.imgsz, tell)
    after.save(planned.folder)
    say("after:")
    for line in after.lines():
        say(f"  {line}")

    about = f"{args.yolo_checkpoint.name} fine-tuned on {args.data.name}: {', '.join(names)}."
    made = export(planned.folder, work, args.out / f"{args.yolo_checkpoint.stem}-finetuned.pt", about)
    say(f"{made.checkpoint}\nSHA-256 {made.sha256}\n{made.card}")
    return DONE


def _planned(args: argparse.Namespace) -> Run:
    """The data prepared, the training planned and checked against the machine."""
    from tools.finetune.prepare import prepare
    from tools.finetune.settings import settings
    from tools.finetune.sources import read
    from tools.training.devices import device_list
    from tools.training.listing import DESCRIPTION, summary
    from tools.training.resources import check, needs
    from tools.training.runs import Run, is_done
    from tools.training.start import read_model

    source, work = read(args.data, args.images, args.val), args.out / "data"
    model = read_model(args.yolo_checkpoint)
    for note in source.notes:
        say(f"note: {note}")
    prepared = prepare(source, work, say)
    for line in (*summary(work, prepared.counts), *prepared.lines()):
        say(line)

    device = device_list(args.device)
    backbone = len(model.yaml.get("backbone", ()))
    chosen = settings(
        prepared.shown, device, args.batch, args.epochs, args.freeze, backbone,
        imgsz=args.imgsz, workers=args.workers,
    )  # fmt: skip
    planned = Run(work / DESCRIPTION, args.out / "run", str(model.yaml.get("yaml_file", "")), chosen, model)
    sums = prepared.counts.values()
    pictures, boxes = (sum(split[what] for split in sums) for what in ("pictures", "boxes"))
    if not is_done(planned, say):
        for line in check(needs(model, pictures, boxes, chosen), planned.folder, device):
            say(line)
    return planned


def _say_before(args: argparse.Namespace, work: Path, names: Sequence[str], device: torch.device) -> None:
    from tools.finetune.before import measure_before

    with progress_of("measuring what was there before") as tell:
        before = measure_before(args.yolo_checkpoint, work, names, device, args.imgsz, tell)
    if before is None:
        say(f"before: {args.yolo_checkpoint} has none of these classes")
        return
    measures, by_class = before
    shown = ", ".join(f"{name} {value:.3f}" for name, value in by_class.items())
    say(f"before: AP {measures['AP']:.3f}, AP50 {measures['AP50']:.3f}\n  AP: {shown}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return guarded(run, parse(argv))


if __name__ == "__main__":
    script(main)
