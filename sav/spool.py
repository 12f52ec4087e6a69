"""What there may be a million of lies in a temporary database: memory stays flat, nothing is left behind."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from sav.errors import WriteError

Item = TypeVar("Item")
# KiB of a database in memory; what is more lies on disk.
_CACHE = 1 << 12
# Rows that are read or written at once.
_PAGE = 1000
# Where SQLite puts its files, after what the environment says.
_FOLDERS = ("/var/tmp", "/usr/tmp", "/tmp", ".")
_OF_THE_DISK = ("database or disk is full", "disk I/O error", "unable to open database file")


class Spool:
    """A temporary SQLite database: in memory while it is small, then in a file that has no name.

    Nothing is left of it, whatever ends the process. Several threads may use it.
    """

    def __init__(self, tables: str) -> None:
        """Make empty tables, by statements that end in `;`."""
        self._lock = threading.RLock()
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        # Nobody goes on with it after a failure, so there is nothing to roll back.
        for statement in ("PRAGMA journal_mode = OFF", f"PRAGMA cache_size = -{_CACHE}", *tables.split(";")):
            self.rows(statement)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """What a statement gives, all of it.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        with self._lock, _errors():
            return self._database.execute(statement, values).fetchall()

    def row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row that a query gives; None if there is none."""
        return next(iter(self.rows(query, *values)), None)

    def pages(self, query: str, last: Any = 0, page: int = _PAGE) -> Iterator[tuple[Any, ...]]:
        """All rows that a query gives, some at a time; tables may change meanwhile.

        Args:
            query: One in the order of its first column, in which `?` stands for what that has to be above.
            last: What that begins above.
            page: How many rows are in memory at once.
        """
        while rows := self.rows(f"{query} LIMIT {page}", last):
            yield from rows
            last = rows[-1][0]

    def add(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement with one row of values after the other.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        rows = iter(rows)
        while page := list(islice(rows, _PAGE)):
            with self._lock, _errors():
                self._database.execute("BEGIN")
                self._database.executemany(statement, page)
                self._database.execute("COMMIT")


class Rows(Sequence[Item], Generic[Item]):
    """The rows of a table, by their numbers: SQLite gives them from 1, and here they count from 0."""

    def __init__(self, spool: Spool, table: str, columns: str, item: Callable[..., Item]) -> None:
        """Begin.

        Args:
            spool: Where the table is; its rows are never deleted.
            table: Its name.
            columns: What is wanted of each row.
            item: What is made of that.
        """
        self._spool, self._table, self._item = spool, table, item
        self._query = f"SELECT rowid, {columns} FROM {table} WHERE rowid"

    def __len__(self) -> int:
        return int(self._spool.rows(f"SELECT IFNULL(MAX(rowid), 0) FROM {self._table}")[0][0])

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        """One of them, or a list of some."""
        chosen = range(len(self))[index]
        if isinstance(chosen, range):
            return [self[number] for number in chosen]
        ((_, *columns),) = self._spool.rows(f"{self._query} = ?", chosen + 1)
        return self._item(*columns)

    def __iter__(self) -> Iterator[Item]:
        pages = self._spool.pages(f"{self._query} > ? ORDER BY rowid")
        return (self._item(*columns) for _, *columns in pages)


class Texts(Collection[str]):
    """A set of texts on disk, sorted; none is empty."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Begin with some."""
        self._spool = Spool("CREATE TABLE texts (text BLOB PRIMARY KEY) WITHOUT ROWID")
        self._spool.add("INSERT OR IGNORE INTO texts VALUES (?)", ((pack(text),) for text in texts))

    def add(self, text: str) -> None:
        """Add one.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        self._spool.rows("INSERT OR IGNORE INTO texts VALUES (?)", pack(text))

    def __contains__(self, text: object) -> bool:
        return bool(self._spool.rows("SELECT 1 FROM texts WHERE text = ?", pack(str(text))))

    def __len__(self) -> int:
        return int(self._spool.rows("SELECT COUNT(*) FROM texts")[0][0])

    def __iter__(self) -> Iterator[str]:
        rows = self._spool.pages("SELECT text FROM texts WHERE text > ? ORDER BY text", b"")
        return (unpack(packed) for (packed,) in rows)


def pack(text: str) -> bytes:
    """A name that need not be UTF-8, in an order that is the same as that of the texts."""
    return text.encode("utf-8", "surrogatepass")


def unpack(packed: bytes) -> str:
    """The text that was packed."""
    return packed.decode("utf-8", "surrogatepass")


def _folder() -> Path:
    """Where SQLite has its temporary files."""
    if os.name == "nt":
        return Path(tempfile.gettempdir())
    wished = (os.environ.get(name, "") for name in ("SQLITE_TMPDIR", "TMPDIR"))
    found = (Path(name) for name in (*wished, *_FOLDERS) if name)
    return next((path for path in found if path.is_dir() and os.access(path, os.W_OK | os.X_OK)), Path())


@contextmanager
def _errors() -> Iterator[None]:
    """Have what the disk says inside the block name the folder and what to do.

    Raises:
        WriteError: In place of SQLite's error.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if str(error) not in _OF_THE_DISK:
            raise
        said = f"{error} where the list of a run lies; make room, or name another folder in TMPDIR"
        raise WriteError(_folder(), OSError(errno.ENOSPC, said)) from error
