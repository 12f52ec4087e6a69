"""SQLite files of ours: how one is opened and written, and what is said of one that cannot be."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sav.errors import ResultsError, WriteError

Connection = sqlite3.Connection

# Seconds to wait for another process that is writing to the same file.
_PATIENCE = 30.0
_DISK_ERRORS = {
    "database or disk is full": errno.ENOSPC,
    "disk I/O error": errno.EIO,
    "attempt to write a readonly database": errno.EROFS,
    "unable to open database file": errno.EACCES,
}

# File systems of disks that several computers may have, as Linux calls them.
_NETWORKS = {
    "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2",
    "orangefs", "smb3", "smbfs", "vboxsf", "virtiofs",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What a file is for, and how one is known.

    Attributes:
        name: What it is called.
        application: The number in the file's header.
        version: The number of the form of its tables, which a change to them counts up.
        advice: What is to be done about one that is damaged.
        what_for: Stands after the name of a file that is wrong, to say why that matters.
    """

    name: str
    application: int
    version: int
    advice: str
    what_for: str = ""


@contextlib.contextmanager
def opening(path: Path, mode: str, kind: Kind) -> Iterator[Connection]:
    """A connection that is closed again if the block fails."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with errors(path, kind):
        # Several threads may use it, one after the other.
        database = sqlite3.connect(
            address, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            yield database
        except BaseException:
            database.close()
            raise


def temporary() -> Connection:
    """A database that goes with its connection; what is too much for the memory is on the disk."""
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


def recover(path: Path, kind: Kind) -> None:
    """Finish or undo what a process that was killed had begun, which nobody can who only reads."""
    if any(path.with_name(path.name + suffix).exists() for suffix in ("-wal", "-journal")):
        with contextlib.suppress(ResultsError, WriteError), opening(path, "rw", kind) as database:
            is_empty(database)  # the first look does it
            close(path, database, kind)


@contextlib.contextmanager
def transaction(database: Connection) -> Iterator[None]:
    """Have all that is written in the block be there, or nothing of it."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        yield


def keep_a_journal(path: Path, database: Connection) -> str:
    """Have what is written survive a kill; the kind of journal that the file system allows.

    SQLite's write-ahead log, the quicker kind, has a part in memory that computers cannot share, see
    sqlite.org/wal.html: on a disk that several may use, it goes without.
    """
    wanted = "DELETE" if _is_on_a_network(path.parent) else "WAL"
    (mode,) = database.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    return str(mode)


def close(path: Path, database: Connection, kind: Kind) -> bool:
    """Close a file that was written to; where nobody else has it open, it is then one that can be copied.

    Returns:
        Whether nobody else has it open.

    Raises:
        WriteError: It cannot be written; what was committed is there all the same.
    """
    try:
        with errors(path, kind):
            database.execute("PRAGMA busy_timeout = 0")
            database.execute("PRAGMA journal_mode = DELETE")
            return True
    except WriteError as error:
        if error.errno != errno.EBUSY:  # the last one to close it does that
            raise
        return False
    finally:
        database.close()


def is_empty(database: Connection) -> bool:
    """Whether it has no tables, as after a kill in the moment when it was made."""
    return bool(database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0)


def make_tables(database: Connection, tables: str, kind: Kind) -> None:
    """Give an empty file its tables."""
    for statement in tables.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {kind.application}")
    set_version(database, kind)


def check(path: Path, database: Connection, kind: Kind) -> None:
    """Raise ResultsError if it is neither empty nor a file of that kind that this version reads."""
    if not is_empty(database) and _number(database, "application_id") != kind.application:
        raise ResultsError(f"{path}{kind.what_for} is no {kind.name}: {kind.advice}")
    if version(database) > kind.version:
        raise ResultsError(f"{path}{kind.what_for} was written by a newer version of this program: update it")


def version(database: Connection) -> int:
    """The number of the form that its tables have."""
    return _number(database, "user_version")


def set_version(database: Connection, kind: Kind) -> None:
    """Say that its tables have the form of today."""
    database.execute(f"PRAGMA user_version = {kind.version}")


def insert(table: str, columns: str) -> str:
    """The statement that adds a row to a table."""
    values = ", ".join("?" * (columns.count(",") + 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({values})"


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
            raise WriteError(path, OSError(_DISK_ERRORS[said], said)) from error
        if "locked" in said:
            raise WriteError(path, OSError(errno.EBUSY, "wait until another run has ended")) from error
        if said == "file is not a database":
            raise ResultsError(f"{path}{kind.what_for} is no {kind.name}: {kind.advice}") from error
        raise _damaged(path, kind) from error


@contextlib.contextmanager
def decoding(path: Path, kind: Kind) -> Iterator[None]:
    """Have what cannot be made of what was read say that the file is damaged.

    Raises:
        ResultsError: In place of what went wrong.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, OverflowError, zlib.error) as error:
        raise _damaged(path, kind) from error


def _is_on_a_network(folder: Path) -> bool:
    """Whether other computers may have the same disk, as far as Linux says so; no elsewhere."""
    device = folder.stat().st_dev
    with contextlib.suppress(OSError, AttributeError), Path("/proc/self/mountinfo").open() as mounts:
        number = f"{os.major(device)}:{os.minor(device)}"
        for mount, _, system in (line.partition(" - ") for line in mounts):
            if mount.split()[2] == number:
                kind = system.split()[0]
                return kind in _NETWORKS or kind.startswith("fuse.")
    return False


def _number(database: Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])


def _damaged(path: Path, kind: Kind) -> ResultsError:
    return ResultsError(f"{path}{kind.what_for} is damaged: {kind.advice}")
