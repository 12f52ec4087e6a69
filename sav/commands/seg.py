"""Segment every object in pictures: named where YOLOv8 knows it, unnamed where only SAM does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, place
from sav.commands.console import tell_error, tell_note
from sav.commands.flags import looks
from sav.config import MAX_PICTURE_MEGAPIXELS, PICTURE_DETECTION
from sav.wording import count


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--img_path", description=__doc__)
    group = parser.add_argument_group("pictures and results")
    group.add_argument("--img_path", nargs="+", action="extend", type=place, metavar="PATH",
                       help="pictures, and folders of pictures (default: TestImages)")  # fmt: skip
    group.add_argument("--save_dir", type=place, default="SegOut", metavar="FOLDER",
                       help="where the results go (default: %(default)s)")  # fmt: skip
    group.add_argument("--labelled_only", action="store_true",
                       help="leave out what has no name, and with it the sam/ pictures: several times"
                            " faster")  # fmt: skip
    group.add_argument("--drop_gone", action="store_true",
                       help="take out of the annotations, with their results, what earlier runs found in"
                            " pictures that are no longer there")  # fmt: skip
    flags.add_model_flags(parser, "pictures")
    flags.add_detection_flags(parser, PICTURE_DETECTION)
    flags.add_save_flags(parser, for_video=False)
    looks.add_looks_flags(parser.add_argument_group("how overlays look"), looks.USUAL)
    flags.add_worker_flags(parser, "the pictures")
    flags.add_resume_flag(parser)
    flags.add_general_flags(parser, f"{MAX_PICTURE_MEGAPIXELS:g}")
    args = flags.parse_models(parser, argv)
    args.img_path = args.img_path or ["TestImages"]
    return args


def run(args: argparse.Namespace) -> int:
    """Check the paths, load the models once, and segment picture after picture."""
    from sav.commands.preflight import check_device, check_models
    from sav.files import check_folder
    from sav.formats.registry import resolve_formats

    formats = resolve_formats(flags.formats(args), for_video=False)
    check_device(args.device)
    save_dir = Path(args.save_dir)
    check_folder(save_dir)
    boxes = check_models(args)
    workers = cli.workers_of(args)

    from sav.media.pictures import find_pictures, readable
    from sav.runs.pictures.plan import plan_pictures

    pictures = find_pictures(args.img_path)
    if boxes:
        boxes.check_pictures(readable(path.name) for path in pictures)
    plan = plan_pictures(
        pictures,
        save_dir,
        formats,
        regions=not args.labelled_only,
        overwrite=args.overwrite,
        batch=args.batch,
        max_megapixels=args.max_megapixels or MAX_PICTURE_MEGAPIXELS,
        resume=args.resume,
        draw=looks.draw_config(args),
        drop_gone=args.drop_gone,
    )
    for line in plan.kept_lines:
        tell_error(line)
    if plan.left_out:
        left_out = count(plan.left_out, "picture")
        tell_note(f"left out: {left_out}, results of earlier runs into {save_dir}")

    if workers is not None:
        from sav.cluster.pictures import share_pictures

        load = cli.models_of_workers(args, regions=not args.labelled_only)
        with cli.told() as on_event:
            return share_pictures(plan, load, workers, on_event).status

    from sav.runs.pictures.run import run_pictures

    segmenter = cli.load_models(args, not args.labelled_only, boxes)
    with cli.told() as on_event:
        return run_pictures(plan, segmenter, on_event).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
