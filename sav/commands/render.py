"""Draw a run that is over again, in another way, without models: some objects, other marks, people hidden."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, Several, listed, one_of, place, shorten, whole
from sav.commands.flags import looks
from sav.looks import HIDINGS, DrawConfig


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--save_path", description=__doc__)
    parser.add_argument("run", type=place, metavar="RUN",
                        help="the folder of a run's results, or the video that it wrote")  # fmt: skip
    group = parser.add_argument_group("results")
    group.add_argument("--save_path", "--save_dir", type=place, metavar="PATH",
                       help="the MP4 to write, or the folder for pictures (default: NAME_render.mp4 beside"
                            " the run's own, or render in the folder of its results)")  # fmt: skip
    group.add_argument("--overwrite", action="store_true",
                       help="replace also files that this program did not write, or that were changed"
                            " since")  # fmt: skip
    flags.add_encoder_flag(group)
    group = parser.add_argument_group("which objects")
    group.add_argument("--classes", nargs="+", action="extend", metavar="CLASS",
                       help="names or ids of the classes that are shown (default: all)")  # fmt: skip
    group.add_argument("--ids", nargs="+", action=Several, type=listed(whole(1, flags.MOST_IDS)),
                       metavar="ID", help="ids of the objects that are shown (default: all)")  # fmt: skip
    group = parser.add_argument_group("how they are shown")
    looks.add_looks_flags(group, f"{looks.USUAL}; with --hide or --background nothing")
    group.add_argument("--hide", type=one_of(HIDINGS), metavar="HOW",
                       help="make the objects unrecognisable: blur or black; what the models missed in a"
                            " frame is not hidden in it")  # fmt: skip
    group.add_argument("--background", type=colour, metavar="COLOUR",
                       help="make all that is no object plain: white, '#00ff00', 'rgb(0,255,0)'")  # fmt: skip
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def colour(text: str) -> tuple[int, int, int]:
    """A colour by its name or in CSS' other ways, as BGR.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{shorten(text)}' is no colour; write a name such as white, or '#00ff00'"
        ) from None
    return blue, green, red


def draw_config(args: argparse.Namespace) -> DrawConfig:
    """How the scenes are drawn, out of parsed flags."""
    shown = looks.draw_config(args)
    if not args.draw and (args.hide or args.background):
        shown = replace(shown, **looks.only(()))
    elif not args.draw and (args.classes or args.ids):
        shown = replace(shown, regions=False)
    return replace(shown, hide=args.hide or "", background=args.background)


def run(args: argparse.Namespace) -> int:
    """Read the store and the source, and draw."""
    from sav.runs.render import RenderJob, run_render

    wanted = [name.strip() for text in args.classes or () for name in text.split(",")]
    job = RenderJob(
        run=Path(args.run),
        save_path=Path(args.save_path) if args.save_path else None,
        draw=draw_config(args),
        classes=tuple(name for name in wanted if name),
        ids=tuple(args.ids or ()),
        overwrite=args.overwrite,
        encoder=args.video_encoder,
    )
    with cli.told() as on_event:
        return run_render(job, on_event).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
