"""Say what is installed, what will run on what, how fast, which checkpoints are here, and what is missing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sav import __version__
from sav.commands import cli, flags
from sav.commands.arguments import Parser, place
from sav.commands.console import tell
from sav.errors import DONE, PARTLY_DONE

if TYPE_CHECKING:
    from sav.runs.doctor import Finding


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's flags."""
    parser = Parser(main_flag="--model_dir", description=__doc__)
    parser.add_argument("--model_dir", type=place, default="model", metavar="FOLDER",
                        help="where the checkpoints are (default: %(default)s)")  # fmt: skip
    flags.add_device_flag(parser)
    parser.add_argument("--no_speed", action="store_true",
                        help="leave out the ten seconds of measuring")  # fmt: skip
    flags.add_program_flags(parser.add_argument_group("general"))
    return parser.parse_args(argv)


def run(args: argparse.Namespace) -> int:
    """Tell part after part; 1 if something is missing that the defaults need."""
    from sav.commands.preflight import check_device

    check_device(args.device)

    from sav.runs import doctor

    tell(f"Segment Any Video {__version__}")
    missing = [
        *_told("installed", doctor.packages()),
        *_told("models run on", doctor.devices(args.device)),
        *_told("checkpoints", doctor.checkpoints(Path(args.model_dir))),
        *_told("text models for --words", doctor.text_models(Path(args.model_dir))),
    ]
    if not args.no_speed:
        missing += _told("speed", doctor.speeds(args.device))
    tell("")
    for finding in missing:
        tell(f"missing: {finding.what} ({finding.state}): {finding.advice}")
    if not missing:
        tell("nothing is missing that the defaults need")
    return PARTLY_DONE if missing else DONE


def _told(title: str, findings: Iterable[Finding]) -> list[Finding]:
    """Tell a part of the report as it is found out; returns what is missing."""
    tell(f"\n{title}")
    missing = []
    for finding in findings:
        tell(f"  {finding.what}: {finding.state}")
        if finding.advice and not finding.is_missing:
            tell(f"    {finding.advice}")
        if finding.is_missing:
            missing.append(finding)
    return missing


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 if all is there, 1 if something is missing, 2 if the flags make no sense."""
    return cli.guarded(run, parse(argv))


def script() -> NoReturn:
    """Run the command as a program of its own."""
    cli.script(main, is_all_said=True)
