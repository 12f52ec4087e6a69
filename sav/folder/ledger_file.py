"""The SQLite file of a ledger: read without leaving a trace, written by whoever has the lock."""

from __future__ import annotations

import contextlib
import logging
import os
import time
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from sav import sqlite
from sav.errors import ResultsError, WriteError
from sav.files import sync_folder
from sav.folder.claims import Claim
from sav.folder.ledger_tables import KIND, all_claims, forget, keep, make, unknown
from sav.folder.older_ledger import older_claims, older_files, put_away
from sav.sqlite import Connection

_log = logging.getLogger(__name__)
# KiB of the file that are held in memory.
_CACHE = 8192
# Seconds that it takes nobody to make one.
_MOMENT = 10.0
# Of the files that lie beside it, stores of runs, the one with the longest name.
_LONGEST_NAME = "unfinished_refined.sqlite"


@dataclass(frozen=True)
class _Opened:
    """A ledger that is open.

    Attributes:
        database: The connection.
        identity: What stands for the file; None for what lies in none.
        is_written: Whether it is open to be written.
        closing: Closes it.
    """

    database: Connection
    identity: tuple[int, int] | None
    is_written: bool
    closing: weakref.finalize[Any, Any]


class LedgerFile:
    """A ledger's file, opened when it is needed: first to be read, and to be written when anything is.

    What an earlier version of this program has written is read, and brought over when anything is written.
    Where somebody removes the file while it is open, it is written anew.
    """

    def __init__(self, state: Path) -> None:
        """Look at what there is, and leave it as it is.

        Args:
            state: The hidden folder that it lies in.

        Raises:
            ResultsError: It cannot be read.
            SettingError: Its path is too long.
        """
        self._state, self._path = state, state / "ledger.sqlite"
        self._opened: _Opened | None = None
        sqlite.check_path(state / _LONGEST_NAME)
        self._to_look_at()

    @property
    def is_written(self) -> bool:
        """Whether it is open to be written."""
        return self._opened is not None and self._opened.is_written

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What it says; nothing if there is none.

        Raises:
            ResultsError: It cannot be read, or is damaged.
        """
        database = self._to_look_at()
        if database is None:
            return []
        with sqlite.errors(self._path, KIND):
            return list(sqlite.checked(self._path, database.execute(query, values), KIND))

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
        before = self._opened
        if before and before.is_written and before.identity == sqlite.identity(self._path):
            return before.database

        removed = self._removed()
        database = _to_write(self._path, self._state)
        identity = sqlite.identity(self._path)
        closing = weakref.finalize(self, _closed, self._path, database, identity)
        self._opened = _Opened(database, identity, is_written=True, closing=closing)
        if before is not None:
            before.closing.detach()
            before.database.close()
        if removed is not None:
            with contextlib.closing(removed):
                _write_anew(self._path, removed, database)
        return database

    def close(self) -> bool:
        """Let go of it; it is opened again when it is needed.

        Returns:
            Whether it was written to, and nobody else has it open.
        """
        opened, self._opened = self._opened, None
        return opened is not None and bool(opened.closing())

    def remove(self) -> None:
        """Let go of it, and have it be gone, unless somebody else has it open."""
        if self.close():
            with contextlib.suppress(OSError):  # then it stays, and says nothing
                self._path.unlink()

    def _removed(self) -> Connection | None:
        """A copy of the file that is open, if that is not the one at its path any more.

        SQLite takes what lies beside that path for the file's own: it is asked before another is made there,
        or where the connection has its log already.
        """
        before, identity = self._opened, sqlite.identity(self._path)
        if (
            before is None
            or before.identity in (None, identity)
            or not (before.is_written or identity is None)
        ):
            return None
        with sqlite.errors(self._path, KIND):
            copy = sqlite.temporary()
            before.database.backup(copy)
            return copy

    def _begun(self, is_lasting: bool) -> Connection:
        database = self.begin()
        database.execute(f"PRAGMA synchronous = {'FULL' if is_lasting else 'NORMAL'}")
        return database

    def _to_look_at(self) -> Connection | None:
        """The file, to be read; None if there is none."""
        if self._opened is None:
            identity, database = sqlite.identity(self._path), _to_read(self._path, self._state)
            if database is None:
                return None
            closing = weakref.finalize(self, _let_go, self._path, database)
            self._opened = _Opened(database, identity, is_written=False, closing=closing)
        return self._opened.database


def _let_go(path: Path, database: Connection) -> bool:
    """Close one that was only read; False, since nobody asks whether somebody else has it open.

    While it was open, whoever closed one that was written to had to leave its log beside it.
    """
    database.close()
    sqlite.recover(path, KIND)
    return False


def _closed(path: Path, database: Connection, identity: tuple[int, int] | None) -> bool:
    """Close one that was written to, all of which is there in any case; whether nobody else has it open."""
    if sqlite.identity(path) != identity:  # what lies beside that path is of another file
        database.close()
        return False
    try:
        return sqlite.close(path, database, KIND)
    except (ResultsError, WriteError):
        return False


def _write_anew(path: Path, before: Connection, database: Connection) -> None:
    """Have a file say what the one said that was at its path, and that somebody has removed."""
    with sqlite.errors(path, KIND), sqlite.transaction(database):
        claims = unknown(database, all_claims(path, before))
        for first in claims:
            keep(database, chain([first], claims))
            _log.warning(
                "%s%s was removed while this run had it open: it is written anew", path, KIND.what_for
            )


def _to_read(path: Path, state: Path) -> Connection | None:
    """A connection for one who only looks; None if there is nothing.

    Raises:
        ResultsError: It cannot be read.
    """
    is_older = bool(older_files(state))
    if not os.path.lexists(path):
        return _with_older(sqlite.temporary(), state) if is_older else None
    try:
        database = sqlite.to_read(path, KIND)
    except FileNotFoundError:  # another process had nothing to say in it
        return None
    except WriteError:
        raise
    except OSError as error:
        raise ResultsError(
            f"cannot read {path}{KIND.what_for} {error.strerror}: make it readable, or {KIND.advice}"
        ) from error
    is_empty = sqlite.is_empty(database)
    if not (is_older or is_empty):
        return database
    if is_empty and time.time() - (written := path.stat().st_mtime) > _MOMENT:  # nobody is making it just now
        _tell_empty(path, written)
    with sqlite.errors(path, KIND), contextlib.closing(database):
        together = sqlite.temporary()
        database.backup(together)
    return _with_older(together, state)


@lru_cache(maxsize=1000)
def _tell_empty(path: Path, written: float) -> None:
    """Say so once of a file of that time: it comes of a kill while it was made, or of a full disk."""
    _log.warning("%s%s is empty, and begun anew", path, KIND.what_for)


def _with_older(database: Connection, state: Path) -> Connection:
    try:
        make(database)
        with sqlite.transaction(database):
            keep(database, unknown(database, older_claims(state)))
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
            keep(database, unknown(database, older_claims(state)) if older else ())
        _remove(older)
    if is_new:
        for folder in (state, state.parent):
            sync_folder(folder)
    return database


def _remove(older: Collection[Path]) -> None:
    """Remove what was brought over, and folders that are empty after that."""
    put_away(older)
    for folder in {path.parent for path in older}:
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()
