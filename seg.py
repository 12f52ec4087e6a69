"""Segment every object in a folder of pictures: named where YOLOv8 knows it, unnamed where only SAM does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sav import cli


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = cli.Parser(description=__doc__)
    parser.add_argument(
        "--img_path",
        default="TestImages",
        metavar="PATH",
        help="a picture, or a folder of pictures (default: %(default)s)",
    )
    parser.add_argument(
        "--save_dir", default="SegOut", metavar="FOLDER", help="where the results go (default: %(default)s)"
    )
    cli.add_model_flags(parser)
    cli.add_save_flags(parser, for_video=False)
    parser.add_argument(
        "--labelled_only",
        action="store_true",
        help="leave out the masks without a name: much faster, no sam/ pictures",
    )
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Check the paths, load the models once, and segment picture after picture."""
    from sav.annotations.formats import resolve_formats
    from sav.media.pictures import list_pictures

    formats = resolve_formats(args.save, for_video=False)
    pictures = list_pictures(Path(args.img_path))
    save_dir = Path(args.save_dir)
    if save_dir.exists() and not save_dir.is_dir():
        raise NotADirectoryError(f"--save_dir {save_dir} is a file; name a folder")

    from sav.picture_run import segment_pictures
    from sav.segment import Segmenter

    segmenter = Segmenter.load(
        yolo_checkpoint=args.yolo_checkpoint,
        sam_checkpoint=args.sam_checkpoint,
        device=args.device,
        detect=cli.detection_config(args),
        masks=cli.mask_config(args),
        regions=not args.labelled_only,
        offline=args.offline,
        precision=args.precision,
        compiled=args.compile,
    )
    return segment_pictures(segmenter, pictures, save_dir, formats, when_saved=cli.conclude).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)


if __name__ == "__main__":
    script()
