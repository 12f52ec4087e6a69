"""The SQLite file of a store: its tables, and how rows are added to them and read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any

from sav import sqlite
from sav.sqlite import Connection, insert, is_empty, keep_a_journal, transaction, version

__all__ = ["insert", "is_empty", "transaction", "version"]

# `SAVs` in the file's header.
KIND = sqlite.Kind(
    name="store of a run",
    application=0x53415673,
    version=4,
    advice="run the models again, or take a copy of it",
    types={
        **dict.fromkeys(("about", "name", "key", "time", "content"), frozenset({str})),
        **dict.fromkeys(("run", "frame", "position", "height", "width", "duplicates"), frozenset({int})),
        **dict.fromkeys(("is_tracked", "id", "class_id"), frozenset({int})),
        **dict.fromkeys(("source", "detections", "box", "mask_box", "mask"), frozenset({bytes})),
        "score": frozenset({float, int}),
        "end": frozenset({str, NoneType}),
        "doubtful": frozenset({int, NoneType}),
        "measures": frozenset({bytes, NoneType}),
    },
)
VERSION = KIND.version
# The order in which frames are read, and pictures, which have no position, by name.
IN_ORDER = "CREATE INDEX in_order ON frames (position, name, key)"
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
    detections BLOB NOT NULL, doubtful INTEGER, measures BLOB, UNIQUE (position, key)
);
CREATE TABLE objects {_INSTANCES};
CREATE TABLE regions {_INSTANCES};
{IN_ORDER}
"""

opening = partial(sqlite.opening, kind=KIND)
to_read = partial(sqlite.to_read, kind=KIND)
check = partial(sqlite.check, kind=KIND)
checked = partial(sqlite.checked, kind=KIND)
errors = partial(sqlite.errors, kind=KIND)
decoding = partial(sqlite.decoding, kind=KIND)
close = partial(sqlite.close, kind=KIND)
make_tables = partial(sqlite.make_tables, tables=_TABLES, kind=KIND)
set_version = partial(sqlite.set_version, kind=KIND)


def prepare(path: Path, database: Connection) -> None:
    """Have what is written survive a kill and a power cut."""
    # Where a file system has no way for WAL, each frame waits until it is on the disk.
    mode = "NORMAL" if keep_a_journal(path, database) == "wal" else "FULL"
    database.execute(f"PRAGMA synchronous = {mode}")
    database.execute("PRAGMA foreign_keys = ON")


def add_rows(
    database: Connection,
    table: str,
    columns: str,
    frame: int | None,
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Add what a frame has of something, in order."""
    numbered = ((frame, place, *row) for place, row in enumerate(rows))
    database.executemany(insert(table, f"frame, place, {columns}"), numbered)
