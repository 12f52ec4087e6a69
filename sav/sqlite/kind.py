"""What a SQLite file of ours is for, and what is said of one that is damaged, foreign, or on a bad disk."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sav.errors import ResultsError, WriteError

_DISK_ERRORS = {
    "database or disk is full": errno.ENOSPC,
    "disk I/O error": errno.EIO,
    "attempt to write a readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
}


@dataclass(frozen=True)
class Kind:
    """What a file is for, and how one is known.

    Attributes:
        name: What it is called.
        application: The number in the file's header.
        version: The number of the form of its tables, which a change to them counts up.
        advice: What is to be done about one that is damaged.
        what_for: Stands after the name of a file that is wrong, to say why that matters.
        types: The types that the values of a column may have, by its name: SQLite itself takes any.
    """

    name: str
    application: int
    version: int
    advice: str
    what_for: str = ""
    types: Mapping[str, frozenset[type]] = field(default_factory=dict)


def damaged(path: Path, kind: Kind) -> ResultsError:
    """What is said of a file that is not as this program wrote it."""
    return ResultsError(f"{path}{kind.what_for} is damaged: {kind.advice}")


@contextlib.contextmanager
def errors(path: Path, kind: Kind) -> Iterator[None]:
    """Have what SQLite says inside the block name `path` and what to do.

    Raises:
        WriteError: The disk is full, or fails, or nothing can be written there, or another run is writing.
        ResultsError: The file is of another kind, or damaged.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # the caller's
    except sqlite3.DatabaseError as error:
        said = str(error)
        if said in _DISK_ERRORS:
            of_the_disk = WriteError(path, OSError(_DISK_ERRORS[said], said))
            of_the_disk.is_final = True  # whatever else is to be written is to be remembered here
            raise of_the_disk from error
        if "locked" in said:
            raise WriteError(path, OSError(errno.EBUSY, "wait until another run has ended")) from error
        if said == "file is not a database":
            raise ResultsError(f"{path}{kind.what_for} is no {kind.name}: {kind.advice}") from error
        raise damaged(path, kind) from error


@contextlib.contextmanager
def decoding(path: Path, kind: Kind) -> Iterator[None]:
    """Have what cannot be made of what was read say that the file is damaged.

    Raises:
        ResultsError: In place of what went wrong.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, zlib.error) as error:
        raise damaged(path, kind) from error
