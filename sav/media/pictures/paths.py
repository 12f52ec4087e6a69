"""Paths of as many pictures as there are, in order, on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sav.spool import Rows, Spool, pack, unpack


class PathList(Rows[Path]):
    """Paths in the order in which they came, each once; like a list, but memory does not grow with it."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        """Begin with some."""
        spool = Spool("CREATE TABLE paths (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE)")
        super().__init__(spool, "paths", "path", path_of)
        self.extend(paths)

    def extend(self, paths: Iterable[Path]) -> None:
        """Add those that are not there yet.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        rows = ((pack(str(path)),) for path in paths)
        self._spool.add("INSERT OR IGNORE INTO paths (path) VALUES (?)", rows)

    def __contains__(self, path: object) -> bool:
        """Whether a path is there; it is not looked for one by one."""
        return self._spool.row("SELECT 1 FROM paths WHERE path = ?", pack(str(path))) is not None


def path_of(packed: bytes) -> Path:
    """The path whose text was packed."""
    return Path(unpack(packed))


def in_order(paths: Iterable[str]) -> Iterator[str]:
    """Paths as `sorted` gives those of `pathlib`, sorted on disk."""
    spool = Spool("CREATE TABLE paths (key BLOB NOT NULL, path BLOB NOT NULL)")
    spool.add("INSERT INTO paths VALUES (?, ?)", ((_key(path), pack(path)) for path in paths))
    spool.rows("CREATE TABLE sorted AS SELECT path FROM paths ORDER BY key, rowid")
    return iter(Rows(spool, "sorted", "path", unpack))


def _key(path: str) -> bytes:
    """What is ordered by: each folder comes before what is in it, whatever characters follow its name."""
    return pack(os.path.normcase(path).replace(os.sep, "\0"))
