"""What the commands of trainings share: numbers out of flags, lines, a bar."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
from collections.abc import Callable, Iterator

from sav.commands.console import Progress
from sav.errors import PackageMissingError


def positive(text: str) -> int:
    """A whole number from 1.

    Raises:
        ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def require(*packages: str) -> None:
    """Check that packages are installed which only trainings need.

    Raises:
        PackageMissingError: Some are not.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise PackageMissingError(f"trainings need more packages: pip install {' '.join(missing)}")


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


@contextlib.contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """Lend what shows how many pictures of all are done."""
    with Progress() as progress:
        yield lambda done, count: progress.reach(done, count, "picture", what)
