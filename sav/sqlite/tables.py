"""The tables of a SQLite file: made, known again, written in one step, and read with an eye on the types."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection, Cursor
from typing import Any

from sav.errors import ResultsError
from sav.sqlite.kind import Kind, damaged

# Rows whose types are looked at together.
_ROWS = 64


@contextlib.contextmanager
def transaction(database: Connection) -> Iterator[None]:
    """Have all that is written in the block be there, or nothing of it."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        yield


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


def checked(path: Path, cursor: Cursor, kind: Kind) -> Iterator[tuple[Any, ...]]:
    """The rows that a query gives.

    Raises:
        ResultsError: A value has a type that its column cannot have; see `Kind.types`.
    """
    with contextlib.closing(cursor):  # one that is broken off would keep others from writing
        wanted = [kind.types.get(name) for name, *_ in cursor.description]
        while some := cursor.fetchmany(_ROWS):
            for types, column in zip(wanted, zip(*some, strict=True), strict=True):
                if types is not None and not types.issuperset(map(type, column)):
                    raise damaged(path, kind)
            yield from some


def _number(database: Connection, pragma: str) -> int:
    return int(database.execute(f"PRAGMA {pragma}").fetchone()[0])
