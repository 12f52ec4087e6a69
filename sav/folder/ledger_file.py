"""The SQLite file of a ledger: read without leaving a trace, written by whoever has the lock."""

from __future__ import annotations

import contextlib
import errno
import time
import weakref
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sav import sqlite
from sav.errors import ResultsError, WriteError
from sav.files import sync_folder
from sav.folder.claims import Claim
from sav.folder.ledger_tables import KIND, forget, keep, make
from sav.folder.older_ledger import older_claims, older_files, put_away
from sav.sqlite import Connection

# KiB of the file that are held in memory.
_CACHE = 8192


class LedgerFile:
    """A ledger's file, opened when it is needed: first to be read, and to be written when anything is.

    What an earlier version of this program has written is read, and brought over when anything is written.
    """

    def __init__(self, state: Path) -> None:
        """Look at what there is, and leave it as it is.

        Args:
            state: The hidden folder that it lies in.

        Raises:
            ResultsError: It cannot be read.
        """
        self._state, self._path = state, state / "ledger.sqlite"
        self._database: Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._closing: weakref.finalize[Any, Any] | None = None
        self._looked_at()

    @property
    def is_written(self) -> bool:
        """Whether it is open to be written."""
        return self._identity is not None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What it says; nothing if there is none.

        Raises:
            ResultsError: It cannot be read.
        """
        database = self._looked_at()
        if database is None:
            return []
        with sqlite.errors(self._path, KIND):
            return database.execute(query, values).fetchall()

    def write(self, claims: Mapping[str, Claim]) -> None:
        """Have claims be there, all at once; on the disk, too, if they tell of files.

        What is only reserved is seen by others, and reaches the disk with what comes next.

        Raises:
            WriteError: They cannot be written.
        """
        is_lasting, now = any(claim.files for claim in claims.values()), time.time_ns()
        with sqlite.errors(self._path, KIND):
            database = self._begun(is_lasting)
            with sqlite.transaction(database):
                keep(database, ((key, claim, now) for key, claim in claims.items()))

    def drop(self, keys: Collection[str]) -> None:
        """Have claims be gone, all at once.

        Raises:
            WriteError: It cannot be written.
        """
        with sqlite.errors(self._path, KIND):
            database = self._begun(is_lasting=False)
            with sqlite.transaction(database):
                forget(database, keys)

    def begin(self) -> Connection:
        """Open it to be written: make it if there is none, and find it again if another took its place.

        Raises:
            ResultsError: It cannot be read.
            WriteError: It cannot be written.
        """
        database, closing = self._database, self._closing
        if database is not None and self._identity is not None and self._identity == _identity(self._path):
            return database
        if closing is not None:
            closing.detach()
        if database is not None:  # nothing of it is to be brought to where another file may be by now
            database.close()
        self._database, self._identity, self._closing = None, None, None

        database = _to_write(self._path, self._state)
        self._database, self._identity = database, _identity(self._path)
        self._closing = weakref.finalize(self, _closed, self._path, database)
        return database

    def close(self) -> bool:
        """Let go of it; it is opened again when it is needed.

        Returns:
            Whether it was written to, and nobody else has it open.
        """
        closing, self._closing, self._database, self._identity = self._closing, None, None, None
        return bool(closing and closing())

    def remove(self) -> None:
        """Let go of it, and have it be gone, unless somebody else has it open."""
        if self.close():
            with contextlib.suppress(OSError):  # then it stays, and says nothing
                self._path.unlink()

    def _begun(self, is_lasting: bool) -> Connection:
        database = self.begin()
        database.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
        return database

    def _looked_at(self) -> Connection | None:
        """The file, to be read; None if there is none."""
        if self._database is None:
            database = _to_read(self._path, self._state)
            if database is not None:
                self._database = database
                self._closing = weakref.finalize(self, database.close)
        return self._database


def _closed(path: Path, database: Connection) -> bool:
    """Close one that was written to, all of which is there in any case; whether nobody else has it open."""
    try:
        return sqlite.close(path, database, KIND)
    except (ResultsError, WriteError):
        return False


def _to_read(path: Path, state: Path) -> Connection | None:
    """A connection for one who only looks; None if there is nothing.

    Raises:
        ResultsError: It cannot be read.
    """
    is_older = bool(older_files(state))
    if not path.exists():
        return _with_older(sqlite.temporary(), state) if is_older else None
    sqlite.recover(path, KIND)
    try:
        with sqlite.opening(path, "ro", KIND) as database:
            sqlite.check(path, database, KIND)
            if not (is_older or sqlite.is_empty(database)):
                return database
            together = sqlite.temporary()
            database.backup(together)
            database.close()
            return _with_older(together, state)
    except WriteError as error:
        if not path.exists():  # another process had nothing to say in it
            return None
        if error.errno == errno.EBUSY:
            raise
        raise ResultsError(f"cannot read {path}{KIND.what_for} make it readable, or {KIND.advice}") from error


def _with_older(database: Connection, state: Path) -> Connection:
    try:
        make(database)
        with sqlite.transaction(database):
            keep(database, _unknown(database, state))
    except BaseException:
        database.close()
        raise
    return database


def _to_write(path: Path, state: Path) -> Connection:
    """A connection for one who has the lock.

    Raises:
        ResultsError: It cannot be read.
        WriteError: It cannot be written.
    """
    is_new, older = not path.exists(), older_files(state)
    with sqlite.opening(path, "rwc", KIND) as database:
        sqlite.check(path, database, KIND)
        sqlite.keep_a_journal(path, database)
        database.execute(f"PRAGMA cache_size = -{_CACHE}")
        database.execute("PRAGMA synchronous = FULL")
        with sqlite.transaction(database):
            make(database)
            keep(database, _unknown(database, state) if older else ())
        _remove(older)
    if is_new:
        for folder in (state, state.parent):
            sync_folder(folder)
    return database


def _unknown(database: Connection, state: Path) -> Iterator[tuple[str, Claim, int]]:
    """What earlier versions have written of which nothing newer is known, as in a copy that was put back."""
    for key, claim, written in older_claims(state):
        newer = "SELECT 1 FROM claims WHERE key = ? AND time > ?"
        if database.execute(newer, (key, written)).fetchone() is None:
            yield key, claim, written


def _remove(older: Collection[Path]) -> None:
    """Remove what was brought over, and folders that are empty after that."""
    put_away(older)
    for folder in {path.parent for path in older}:
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
