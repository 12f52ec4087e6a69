"""The SQLite file of a store: its tables, how it is opened, and what is said of one that cannot be."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sav.errors import ResultsError, WriteError

# `SAVs` in the file's header, and the number of the tables' form, which a change to them counts up.
_APPLICATION, VERSION = 0x53415673, 3
_INSTANCES = """(
    frame INTEGER NOT NULL REFERENCES frames ON DELETE CASCADE, place INTEGER NOT NULL,
    id INTEGER NOT NULL, class_id INTEGER NOT NULL, score REAL NOT NULL, box BLOB NOT NULL,
    mask_box BLOB NOT NULL, mask BLOB NOT NULL, PRIMARY KEY (frame, place)
)"""
_TABLES = f"""
CREATE TABLE runs (run INTEGER PRIMARY KEY, about TEXT NOT NULL UNIQUE, end TEXT);
CREATE TABLE frames (
    frame INTEGER PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs, time TEXT NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,
    is_tracked INTEGER NOT NULL, duplicates INTEGER NOT NULL, source BLOB NOT NULL, content TEXT NOT NULL,
    detections BLOB NOT NULL, UNIQUE (position, key)
);
CREATE TABLE objects {_INSTANCES};
CREATE TABLE regions {_INSTANCES};
"""
# Seconds to wait for another process that is writing to the same store.
_PATIENCE = 30.0
_DISK_ERRORS = {
    "database or disk is full": errno.ENOSPC,
    "disk I/O error": errno.EIO,
    "attempt to write a readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
}


@contextlib.contextmanager
def opening(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection that is closed again if the block fails."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with errors(path):
        # Several threads may use it, one after the other.
        database = sqlite3.connect(
            address, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            yield database
        except BaseException:
            database.close()
            raise


def recover(path: Path) -> None:
    """Finish or undo what a process that was killed had begun, which nobody can who only reads."""
    if any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal")):
        with contextlib.suppress(ResultsError, WriteError), opening(path, "rw") as database:
            is_empty(database)  # the first look does it
            database.close()


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Have all that is written in the block be there, or nothing of it."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        yield


def prepare(database: sqlite3.Connection) -> None:
    """Have what is written survive a kill and a power cut."""
    (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    # Where a file system has no way for WAL, each frame waits until it is on the disk.
    database.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
    database.execute("PRAGMA foreign_keys = ON")


def is_empty(database: sqlite3.Connection) -> bool:
    """Whether it has no tables, as after a kill in the moment when it was made."""
    return bool(database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0)


def make_tables(database: sqlite3.Connection) -> None:
    """Make an empty file a store."""
    for statement in _TABLES.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {_APPLICATION}")
    set_version(database)


def check(path: Path, database: sqlite3.Connection) -> None:
    """Raise ResultsError if it is neither empty nor a store that this version reads."""
    if not is_empty(database) and _number(database, "application_id") != _APPLICATION:
        raise ResultsError(f"{path} is no store of a run")
    if version(database) > VERSION:
        raise ResultsError(f"{path} was written by a newer version of this program: update it")


def version(database: sqlite3.Connection) -> int:
    """The number of the form that its tables have."""
    return _number(database, "user_version")


def set_version(database: sqlite3.Connection) -> None:
    """Say that its tables have the form of today."""
    database.execute(f"PRAGMA user_version = {VERSION}")


def insert(table: str, columns: str) -> str:
    """The statement that adds a row to a table."""
    values = ", ".join("?" * (columns.count(",") + 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


def add_rows(
    database: sqlite3.Connection,
    table: str,
    columns: str,
    frame: int | None,
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Add what a frame has of something, in order."""
    numbered = ((frame, place, *row) for place, row in enumerate(rows))
    database.executemany(insert(table, f"frame, place, {columns}"), numbered)


def columns_of(database: sqlite3.Connection, table: str, columns: str, frame: int) -> list[tuple[Any, ...]]:
    """What `add_rows` has added, a tuple a column."""
    query = f"SELECT {columns} FROM {table} WHERE frame = ? ORDER BY place"
    found = database.execute(query, (frame,)).fetchall()
    return list(zip(*found, strict=True)) or [()] * (columns.count(",") + 1)


def _number(database: sqlite3.Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


@contextlib.contextmanager
def errors(path: Path) -> Iterator[None]:
    """Have what SQLite says inside the block name `path` and what to do.

    Raises:
        WriteError: The disk is full, or fails, or nothing can be written there, or another run is writing.
        ResultsError: The file is no store, or damaged.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # the caller's
    except sqlite3.DatabaseError as error:
        said = str(error)
        if said in _DISK_ERRORS:
            raise WriteError(path, OSError(_DISK_ERRORS[said], said)) from error
        if "locked" in said:
            raise WriteError(path, OSError(errno.EBUSY, "wait until another run has ended")) from error
        if said == "file is not a database":
            raise ResultsError(f"{path} is no store of a run") from error
        raise _damaged(path) from error


@contextlib.contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Have what cannot be made of what was read say that the file is damaged.

    Raises:
        ResultsError: In place of what went wrong.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError, zlib.error) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> ResultsError:
    return ResultsError(f"{path} is damaged: run the models again, or take a copy of it")
