"""Write annotation files of a run that is over, in any format, without models."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, Several, listed, place, whole
from sav.commands.console import tell_note


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--save_dir", description=__doc__)
    parser.add_argument("run", type=place, metavar="RUN",
                        help="the folder of a run's results, or the video that it wrote")  # fmt: skip
    group = parser.add_argument_group("results")
    group.add_argument("--save_dir", type=place, metavar="FOLDER",
                       help="where the files go (default: where the run's own are)")  # fmt: skip
    group.add_argument("--ids", nargs="+", action=Several, type=listed(whole(1, flags.MOST_IDS)),
                       metavar="ID", help="ids of the objects that are written (default: all)")  # fmt: skip
    flags.add_encoder_flag(group)
    flags.add_save_flags(parser, for_video=True, has_default=False)
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Read the store, and write what is asked for."""
    from sav.formats.registry import resolve_formats

    formats = resolve_formats(flags.formats(args), for_video=True)
    for line in flags.idle_flags(args, formats):
        tell_note(line)

    from sav.runs.export import ExportJob, run_export

    job = ExportJob(
        run=Path(args.run),
        formats=tuple(flags.formats(args)),
        save_dir=Path(args.save_dir) if args.save_dir else None,
        options=flags.save_options(args),
        overwrite=args.overwrite,
        ids=tuple(args.ids or ()),
    )
    with cli.told() as on_event:
        return run_export(job, on_event).status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
