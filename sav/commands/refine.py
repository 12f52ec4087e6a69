"""Put the tracks of a run over a video right, after the fact: export and render then show what came out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sav.commands import cli, flags
from sav.commands.arguments import Parser, place

if TYPE_CHECKING:
    from sav.sam.model import SamModel


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--set", description=__doc__)
    parser.add_argument("run", type=place, metavar="RUN",
                        help="the video that a run wrote, or the folder of its annotations")  # fmt: skip
    group = parser.add_argument_group("how")
    group.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                       help="settings of refining, see docs/refine.md")  # fmt: skip
    group = parser.add_argument_group("the model for masks that are missing")
    flags.add_sam_flag(group)
    flags.add_computing_flags(group)
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Read the store and the source, and refine; SAM is loaded when the first mask is missing."""
    from sav.checkpoints import check_checkpoints
    from sav.commands.preflight import check_device
    from sav.runs.stored import find_store

    config = flags.refine_config(args.set)
    find_store(Path(args.run), as_found=True)
    check_device(args.device)
    check_checkpoints([args.sam_checkpoint], args.offline)

    from sav.runs.refine import RefineJob, run_refine

    with cli.told() as on_event:
        return run_refine(RefineJob(Path(args.run), config), lambda: _load(args), on_event).status


def _load(args: argparse.Namespace) -> SamModel:
    from sav.checkpoints import find_checkpoints
    from sav.device import choose_device, choose_precision
    from sav.sam.load import load_sam

    device = choose_device(args.device)
    (path,) = find_checkpoints([args.sam_checkpoint], args.offline)
    return load_sam(path, device, choose_precision(args.precision, device))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all was done, 1 if part of it, 2 if none."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main)
