"""A folder in which what is not ours stays: whether what stands at a path may be replaced."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sav.folder.ledger import Ledger
from sav.wording import Names

# What stands for a file: its disk, and its number there.
Identity = tuple[int, int]


class Reason(NamedTuple):
    """Why something stays where a result would go.

    Attributes:
        one: What is to be said of one file.
        many: The same of several.
        gives_way: Whether it is replaced where that is asked for.
    """

    one: str
    many: str
    gives_way: bool = True


READ = Reason("is read by this run", "are read by this run", gives_way=False)
FOLDER = Reason("is a folder", "are folders", gives_way=False)
UNREADABLE = Reason("cannot be read", "cannot be read")
CHANGED = Reason("is not as this program wrote it", "are not as this program wrote them")
# How often files that are not known as ours are looked for in what other processes have written by now.
_LOOKS = 2


def in_the_way(paths: Sequence[Path]) -> FileExistsError:
    """What is said of files that are in the way of a whole run."""
    is_one = len(paths) == 1
    are, why, them = ("is", CHANGED.one, "it") if is_one else ("are", CHANGED.many, "them")
    return FileExistsError(
        f"{Names(paths)} {are} in the way, and {why}: move {them}, give another place for the results, or"
        f" replace {them} with --overwrite"
    )


class GuardedFolder:
    """A folder of results, and what is ours in it.

    Attributes:
        folder: The folder; need not exist.
        ledger: What is ours in it.
        overwrite: Whether files that are not ours are replaced, too.
    """

    def __init__(self, folder: Path, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        """Look at what is there.

        Args:
            folder: The folder.
            overwrite: Replace also files that are not ours.
            inputs: What the run reads, which is never replaced.

        Raises:
            OSError: What is remembered of it cannot be read.
        """
        self.folder = folder
        self.ledger = Ledger(folder)
        self.overwrite = overwrite
        self._inputs: list[Container[Identity]] = [{each for path in inputs for each in identities(path)}]

    def protect(self, inputs: Container[Identity]) -> None:
        """Never replace what the run reads, too."""
        self._inputs.append(inputs)

    def is_in_the_way(self, path: Path, thorough: bool = True) -> bool:
        """Whether there is something at `path` that may not be replaced.

        Args:
            path: A file in the folder, or beside it.
            thorough: Know it by its content; else see `Ledger.looks_ours`.
        """
        found = identities(path)
        if not found:
            return False
        if self._is_read(found) or _is_folder(path):
            return True
        is_ours = self.ledger.as_written if thorough else self.ledger.looks_ours
        return not (self.overwrite or is_ours(path))

    def blocked(self, paths: Iterable[Path], thorough: bool = True) -> list[Path]:
        """Those of several paths where something is in the way; see `is_in_the_way`.

        What another process has put in place in the moment before is known by a second look.

        Raises:
            ResultsError: The ledger cannot be read.
        """
        found = [path for path in paths if self.is_in_the_way(path, thorough)]
        for _ in range(_LOOKS):
            if found:
                found = [path for path in found if self.is_in_the_way(path, thorough)]
        return found

    def why_kept(self, path: Path) -> Reason:
        """Why a file that is in the way stays."""
        if self._is_read(identities(path)):
            return READ
        if _is_folder(path):
            return FOLDER
        return UNREADABLE if path.is_file() and not os.access(path, os.R_OK) else CHANGED

    def is_ours(self, relative: str) -> bool:
        """Whether the file at that path from the folder is there, and as this program wrote it."""
        return self.ledger.as_written(self.folder / relative) is not None

    def was_changed(self, relative: str) -> bool:
        """Whether a file that was ours is there and is not any more as this program wrote it."""
        return os.path.lexists(self.folder / relative) and not self.is_ours(relative)

    def _is_read(self, found: Iterable[Identity]) -> bool:
        return any(identity in inputs for inputs in self._inputs for identity in found)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link that cannot be followed
        return False


def identities(path: Path) -> set[Identity]:
    """What stands for the file at `path`, and for the one that it is a link to; none if there is nothing."""
    try:
        own = path.lstat()
    except OSError:  # nothing, a name too long, a folder that may not be read
        return set()
    found = {(own.st_dev, own.st_ino)}
    if stat.S_ISLNK(own.st_mode):
        with contextlib.suppress(OSError):  # a loop of links, or one that leads nowhere
            other = path.stat()
            found.add((other.st_dev, other.st_ino))
    return found
