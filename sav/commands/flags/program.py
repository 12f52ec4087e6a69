"""Flags about the program itself: its limits, going on where it was ended, who does the work."""

from __future__ import annotations

import argparse
import platform

from sav import __version__
from sav.commands.arguments import Parser, above_zero, whole

# More than any cluster has GPUs.
_MOST_WORKERS = 100_000


def add_general_flags(parser: Parser, limits: str) -> None:
    """Flags about the program itself; `limits` says what `--max_megapixels` is if it is not given."""
    group = parser.add_argument_group("general")
    group.add_argument("--max_megapixels", type=above_zero, metavar="N",
                       help="million pixels above which a picture or frame is refused"
                            f" (default: {limits})")  # fmt: skip
    add_program_flags(group)


def add_program_flags(group: argparse._ActionsContainer) -> None:
    """Flags that every command has."""
    group.add_argument("--debug", action="store_true", help="show where an error comes from")
    version = f"Segment Any Video {__version__} (Python {platform.python_version()})"
    group.add_argument("--version", action="version", version=version, help="show the version and exit")


def add_resume_flag(parser: Parser) -> None:
    """The flag that takes over what an earlier run has found."""
    parser.add_argument("--resume", action="store_true",
                        help="go on with a run that was ended, by whatever: what it found is taken"
                             " over")  # fmt: skip


def add_worker_flags(parser: Parser, items: str) -> None:
    """Flags that say how many workers share out the work, and where they are."""
    group = parser.add_argument_group("workers")
    group.add_argument("--workers", type=_workers, default=1, metavar="N",
                       help=f"how many workers share out {items}, each with models of its own on a GPU or a"
                            " group of cores; auto takes what this machine has"
                            " (default: %(default)s, or auto with --cluster)")  # fmt: skip
    group.add_argument("--cluster", metavar="ADDRESS",
                       help="have them on the machines of a Ray cluster: HOST:PORT, or auto on a node of"
                            " it")  # fmt: skip


def _workers(text: str) -> int | None:
    """A number of workers; None for as many as there is room for."""
    return None if text.strip().lower() == "auto" else whole(1, _MOST_WORKERS)(text)
