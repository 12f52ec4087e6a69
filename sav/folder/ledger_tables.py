"""The tables of a ledger, and how claims get into them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import NoneType

from sav import sqlite
from sav.folder.claims import Claim
from sav.media.pictures.names import folded
from sav.sqlite import Connection

# What is remembered of a key besides its files.
ABOUT = ("name", "source", "content", "classes", "looks")
# `SAVl` in the file's header.
KIND = sqlite.Kind(
    name="ledger",
    application=0x5341566C,
    version=1,
    advice="move it away (the files that it tells of then count as yours)",
    what_for=", which says which files are ours,",
    types={
        **dict.fromkeys(("key", "prints"), frozenset({str})),
        **dict.fromkeys(("claim", "time"), frozenset({int})),
        **dict.fromkeys(ABOUT, frozenset({bytes, NoneType})),
        "path": frozenset({bytes}),
    },
)
_TABLES = """
CREATE TABLE claims (
    claim INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, folded TEXT NOT NULL, time INTEGER NOT NULL,
    name BLOB, source BLOB, content BLOB, classes BLOB, looks BLOB
);
CREATE INDEX claims_folded ON claims (folded);
CREATE INDEX claims_name ON claims (name);
CREATE INDEX claims_source ON claims (source);
CREATE INDEX claims_classes ON claims (classes, key);
CREATE TABLE files (path BLOB PRIMARY KEY, claim INTEGER NOT NULL, prints TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX files_claim ON files (claim)
"""
_COLUMNS = ("folded", "time", *ABOUT)
_KEEP = (
    f"INSERT INTO claims (key, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)})"
    f" ON CONFLICT (key) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in _COLUMNS)}"
)
_CLAIM = "(SELECT claim FROM claims WHERE key = ?)"
_FILES = "SELECT path, prints FROM files WHERE claim = ?"


def make(database: Connection) -> None:
    """Have an empty file be a ledger."""
    if sqlite.is_empty(database):
        sqlite.make_tables(database, _TABLES, KIND)


def keep(database: Connection, claims: Iterable[tuple[str, Claim, int]]) -> None:
    """Have the tables hold claims, each with its key and the time of listing, in nanoseconds."""
    for key, claim, listed in claims:
        if not (claim.files or claim.about):  # it says nothing
            forget(database, [key])
            continue
        about = [os.fsencode(claim.about[name]) if name in claim.about else None for name in ABOUT]
        database.execute(_KEEP, (key, folded(key), listed, *about))
        database.execute(f"DELETE FROM files WHERE claim = {_CLAIM}", (key,))
        rows = [(os.fsencode(path), key, " ".join(prints)) for path, prints in claim.files.items()]
        database.executemany(f"INSERT OR REPLACE INTO files VALUES (?, {_CLAIM}, ?)", rows)


def unknown(
    database: Connection, claims: Iterable[tuple[str, Claim, int]]
) -> Iterator[tuple[str, Claim, int]]:
    """Those of some claims of which the tables have nothing newer."""
    for key, claim, listed in claims:
        newer = "SELECT 1 FROM claims WHERE key = ? AND time >= ?"
        if database.execute(newer, (key, listed)).fetchone() is None:
            yield key, claim, listed


def all_claims(path: Path, database: Connection) -> Iterator[tuple[str, Claim, int]]:
    """All claims of the tables in a file that is called `path`, as `keep` takes them.

    Raises:
        ResultsError: It is damaged.
    """
    with sqlite.errors(path, KIND):
        claims = database.execute(f"SELECT claim, key, time, {', '.join(ABOUT)} FROM claims")
        for number, key, listed, *about in sqlite.checked(path, claims, KIND):
            rows = sqlite.checked(path, database.execute(_FILES, (number,)), KIND)
            files = {os.fsdecode(name): tuple(prints.split()) for name, prints in rows}
            yield key, Claim(files, named(about)), listed


def named(about: Sequence[bytes | None]) -> dict[str, str]:
    """What is remembered of a key, out of the columns `ABOUT`."""
    pairs = zip(ABOUT, about, strict=True)
    return {name: os.fsdecode(value) for name, value in pairs if value is not None}


def forget(database: Connection, keys: Iterable[str]) -> None:
    """Have the tables hold some claims no longer."""
    for key in keys:
        database.execute(f"DELETE FROM files WHERE claim = {_CLAIM}", (key,))
        database.execute("DELETE FROM claims WHERE key = ?", (key,))
