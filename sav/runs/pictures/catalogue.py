"""The pictures of a run, of which there may be a million: on disk, so that memory stays flat."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sav.folder.guarded import identities
from sav.media.pictures.names import folded, plain_stem
from sav.media.pictures.paths import path_of
from sav.spool import Rows, Spool, Texts, pack, unpack

# Of a picture's name: it is free to be chosen, an earlier run has chosen it, others would have the same.
NEW, KNOWN, SHARED = range(3)

_TABLES = """
CREATE TABLE pictures (
    number INTEGER PRIMARY KEY, path BLOB NOT NULL, source BLOB NOT NULL UNIQUE, stem BLOB NOT NULL,
    folded BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0, owner BLOB
)"""
_INSERT = "INSERT OR IGNORE INTO pictures (path, source, stem, folded) VALUES (?, ?, ?, ?)"


class Entry(NamedTuple):
    """What is known of a picture."""

    number: int
    path: Path
    source: str
    stem: str


class Catalogue:
    """Each picture's path, source, and the name of its results; numbers count from 1.

    Attributes:
        spool: Where that is, in the table `pictures`.
        paths: The pictures.
        sources: Their paths from the folder of the results.
        left_out: The sources of those that are no pictures of the run.
    """

    def __init__(self, pictures: Iterable[Path], save_dir: Path, is_result: Callable[[str], bool]) -> None:
        """Go through the pictures; each counts once, by its source.

        Args:
            pictures: Paths.
            save_dir: The folder of the results.
            is_result: Whether a source is itself a result of an earlier run.

        Raises:
            WriteError: The folder for temporary files is full.
        """
        self.spool, self.left_out = Spool(_TABLES), Texts()
        self.paths = Rows(self.spool, "pictures", "path", path_of)
        self.sources = Rows(self.spool, "pictures", "source", unpack)
        self.spool.add(_INSERT, self._rows(pictures, Sources(save_dir), is_result))
        self.spool.rows("CREATE INDEX names ON pictures (folded, state)")

    def of_state(self, state: int) -> Iterator[Entry]:
        """Those in a state, in order."""
        columns = "number, path, source, stem"
        query = f"SELECT {columns} FROM pictures WHERE number > ? AND +state = {state} ORDER BY number"
        for number, path, *texts in self.spool.pages(query):
            yield Entry(number, path_of(path), *map(unpack, texts))

    def name(self, number: int, stem: str, state: int, owner: str | None = None) -> None:
        """Give a picture's results another name, which those of `owner` had before."""
        self.spool.rows(
            "UPDATE pictures SET stem = ?, folded = ?, state = ?, owner = ? WHERE number = ?",
            *(pack(stem), pack(folded(stem)), state, None if owner is None else pack(owner), number),
        )

    def find_shared(self) -> None:
        """Mark new pictures whose results would have the same name on some file system."""
        self.spool.rows(
            "UPDATE pictures SET state = ? WHERE state = ? AND folded IN"
            " (SELECT folded FROM pictures WHERE state = ? GROUP BY folded HAVING COUNT(*) > 1)",
            *(SHARED, NEW, NEW),
        )

    def is_taken(self, stem: str) -> bool:
        """Whether results have a name, or one that some file system takes for the same."""
        query = "SELECT 1 FROM pictures WHERE folded = ? AND state != ? LIMIT 1"
        return self.spool.row(query, pack(folded(stem)), SHARED) is not None

    def has_stem(self, stem: object, states: tuple[int, ...] = (NEW, KNOWN)) -> bool:
        """Whether the results of a picture in one of some states have just that name."""
        query = "SELECT state FROM pictures WHERE folded = ? AND stem = ?"
        found = self.spool.rows(query, pack(folded(str(stem))), pack(str(stem)))
        return any(state in states for (state,) in found)

    def has_source(self, source: str) -> bool:
        """Whether a picture is among them."""
        return self.spool.row("SELECT 1 FROM pictures WHERE source = ?", pack(source)) is not None

    def owner(self, number: int) -> str | None:
        """Whose results had a picture's name when that was planned; None if nobody's."""
        ((owner,),) = self.spool.rows("SELECT owner FROM pictures WHERE number = ?", number)
        return None if owner is None else unpack(owner)

    def _rows(
        self, pictures: Iterable[Path], find: Sources, is_result: Callable[[str], bool]
    ) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
        for path in pictures:
            source = find.of(path)
            if is_result(source):
                self.left_out.add(source)
            else:
                stem = plain_stem(path)
                yield pack(str(path)), pack(source), pack(stem), pack(folded(stem))


class Sources:
    """Pictures' paths from the folder of their results; one that is a link is not what it leads to."""

    def __init__(self, save_dir: Path) -> None:
        """Look where the folder of the results is."""
        self._save_dir = save_dir.resolve()
        self._folders: dict[str, str] = {}

    def of(self, picture: Path) -> str:
        """The path of a picture; its folder is looked for once."""
        parent, name = os.path.split(picture)
        folder = self._folders.get(parent)
        if folder is None:
            folder = os.path.relpath(Path(parent).resolve(), self._save_dir)
            self._folders[parent] = folder
        return name if folder == os.curdir else os.path.join(folder, name)  # noqa: PTH118


class Inputs:
    """Whether a file is one that a run reads; they are looked at when that is first asked."""

    def __init__(self, paths: Iterable[Path]) -> None:
        """Begin, without looking at any."""
        self._paths = paths
        self._seen: Texts | None = None

    def __contains__(self, identity: object) -> bool:
        if self._seen is None:
            self._seen = Texts(repr(one) for path in self._paths for one in identities(path))
        return repr(identity) in self._seen
