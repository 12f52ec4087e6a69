"""A store: add what is found in each frame, read it back in order."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from sav.data.scene import Scene
from sav.errors import ResultsError, WriteError
from sav.files import named_errors
from sav.store import rows
from sav.store.about import About
from sav.store.database import (
    add_rows,
    check,
    columns_of,
    decoding,
    errors,
    insert,
    is_empty,
    make_tables,
    opening,
    prepare,
    recover,
    transaction,
)
from sav.store.rows import Entry, Packed
from sav.store.versions import show_as_now, upgrade

_IN_ORDER = "FROM frames ORDER BY position, name, key"


class Store:
    """The scenes of a video, or of the pictures that have their results in one folder; a context manager.

    A frame is there whole or not at all, and so are all before it, after a kill as after a power cut.

    Attributes:
        path: The file.
        about: What the run was about that writes; of a store that is only read, the last one that began.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, run: int | None = None) -> None:
        """Take over a connection, to add scenes of `run`, or to read; see `create`, `join` and `open`."""
        self.path = path
        self._database, self._is_read_only = database, run is None
        rows = database.execute("SELECT run, about FROM runs").fetchall()
        with decoding(path):
            self._runs = {number: About.from_json(about) for number, about in rows}
            self._run = max(self._runs) if run is None else run
        self.about = self._runs[self._run]

    @classmethod
    def create(cls, path: Path, about: About) -> Store:
        """Begin a store, in place of one that is there.

        Raises:
            WriteError: It cannot be written.
        """
        for suffix in ("", "-wal", "-shm", "-journal"):
            place = path.with_name(path.name + suffix)
            with named_errors(place):
                place.unlink(missing_ok=True)
        return cls.join(path, about)

    @classmethod
    def join(cls, path: Path, about: About) -> Store:
        """Open a store to add scenes of another run, or of the same that goes on; begin it if there is none.

        Raises:
            ResultsError: The file is no store, or damaged, or of a newer version of this program.
            WriteError: It cannot be written.
        """
        with named_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with opening(path, "rwc") as database:
            check(path, database)
            prepare(path, database)
            with transaction(database):
                if is_empty(database):
                    make_tables(database)
                upgrade(database)
                database.execute("INSERT OR IGNORE INTO runs (about) VALUES (?)", (about.to_json(),))
            query = "SELECT run FROM runs WHERE about = ?"
            (run,) = database.execute(query, (about.to_json(),)).fetchone()
            return cls(path, database, run)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a store to read it, also while a run writes to it.

        Raises:
            FileNotFoundError: There is none.
            ResultsError: The file is no store, or damaged, or of a newer version of this program.
            OSError: It cannot be read.
        """
        if not path.exists():
            raise FileNotFoundError(f"there is no store of a run at {path}")
        path.open("rb").close()  # what the system says of one that cannot be read says more than SQLite does
        recover(path)
        with opening(path, "ro") as database:
            check(path, database)
            if is_empty(database):
                raise ResultsError(f"{path} is no store of a run")
            show_as_now(database)
            return cls(path, database)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; where no other process has it open, it is then one file that can be copied.

        Raises:
            WriteError: It cannot be written; what was added is there all the same.
        """
        try:
            if not self._is_read_only:
                with errors(self.path):
                    self._database.execute("PRAGMA busy_timeout = 0")
                    self._database.execute("PRAGMA journal_mode = DELETE")
        except WriteError as error:
            if error.errno != errno.EBUSY:  # the last one to close it does that
                raise
        finally:
            self._database.close()

    def __len__(self) -> int:
        """How many frames or pictures there are."""
        return int(self._one("SELECT COUNT(*) FROM frames")[0])

    @property
    def last_index(self) -> int:
        """The index of the last frame of a video; -1 if there is none."""
        return int(self._one("SELECT IFNULL(MAX(position), -1) FROM frames")[0])

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end; see `finish`."""
        return self._end is not None

    @property
    def end_time(self) -> Fraction | None:
        """When the last frame of a finished video ends, in the source's seconds, if that is known."""
        return Fraction(self._end) if self._end else None

    @property
    def _end(self) -> str | None:
        end: str | None = self._one("SELECT end FROM runs WHERE run = ?", self._run)[0]
        return end

    def finish(self, end_time: Fraction | None = None) -> None:
        """Say that the run came to its end: no frame is missing.

        Args:
            end_time: When the last frame ends, in seconds of the source's clock, if that is known.

        Raises:
            WriteError: It cannot be written.
        """
        end = "" if end_time is None else str(end_time)
        with errors(self.path):
            self._database.execute("UPDATE runs SET end = ? WHERE run = ?", (end, self._run))

    def add(self, scene: Scene | Packed, *, key: str = "", source: str = "", content: str = "") -> None:
        """Add a frame, in place of what there is of the one of that index, or of the picture of that key.

        Args:
            scene: What was found, or its rows; pixels are not stored.
            key: The name of a picture's results; leave it open in a video.
            source: A picture's path, from the folder of the results.
            content: What stands for the picture's content.

        Raises:
            WriteError: It cannot be written; what was added before stays.
        """
        packed = scene if isinstance(scene, Packed) else Packed.of(scene)
        position = 0 if self.about.video is None else packed.index
        about = (position, key, self._run, os.fsencode(source), content)
        with errors(self.path), transaction(self._database):
            self._database.execute("DELETE FROM frames WHERE position = ? AND key = ?", (position, key))
            columns = f"position, key, run, source, content, {rows.FRAME}"
            row = (*about, *packed.frame)
            frame = self._database.execute(insert("frames", columns), row).lastrowid
            for table, instances in (("objects", packed.objects), ("regions", packed.regions)):
                add_rows(self._database, table, rows.INSTANCE, frame, instances)

    def remove(self, key: str) -> None:
        """Forget a picture.

        Raises:
            WriteError: It cannot be written.
        """
        with errors(self.path), transaction(self._database):
            self._database.execute("DELETE FROM frames WHERE key = ?", (key,))

    def scene(self, key: str) -> Scene | None:
        """What is known of a picture; None if it is not there."""
        with errors(self.path):
            query = "SELECT frame FROM frames WHERE key = ?"
            row = self._database.execute(query, (key,)).fetchone()
        if row is None:
            return None
        with decoding(self.path):
            return self._entry(row[0], 0).scene

    def instances(self, key: str) -> tuple[Any, Any] | None:
        """The rows of a picture's objects and regions, as `Packed` has them; None if it is not there."""
        with errors(self.path):
            row = self._database.execute("SELECT frame FROM frames WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            found = [
                tuple(zip(*columns_of(self._database, table, rows.INSTANCE, row[0]), strict=True))
                for table in ("objects", "regions")
            ]
        return found[0], found[1]

    def holds(self, key: str, content: str) -> bool:
        """Whether a picture of that key and content is there, found by a run like the one that writes."""
        query = "SELECT COUNT(*) FROM frames WHERE key = ? AND content = ? AND run = ?"
        return bool(self._one(query, key, content, self._run)[0])

    def keys(self) -> list[str]:
        """The pictures, by the names of their results, in the order of `entries`."""
        with errors(self.path):
            return [key for (key,) in self._database.execute(f"SELECT key {_IN_ORDER}")]

    def sources(self) -> list[tuple[str, str]]:
        """Each picture's path from the folder of the results, and what stands for its content, in order."""
        with errors(self.path):
            rows = self._database.execute(f"SELECT source, content {_IN_ORDER}").fetchall()
            return [(os.fsdecode(source), content) for source, content in rows]

    def track_ids(self) -> list[int]:
        """The ids of all objects, in order."""
        with errors(self.path):
            rows = self._database.execute("SELECT DISTINCT id FROM objects ORDER BY id")
            return [track_id for (track_id,) in rows]

    def ids(self) -> list[int]:
        """The ids of all objects and regions, in order."""
        with errors(self.path):
            rows = self._database.execute("SELECT id FROM objects UNION SELECT id FROM regions ORDER BY id")
            return [number for (number,) in rows]

    def at(self, index: int) -> Scene:
        """What is known of the frame of that index of a video.

        Raises:
            ResultsError: It is not there, or the file is damaged.
        """
        with errors(self.path):
            row = self._database.execute("SELECT frame FROM frames WHERE position = ?", (index,)).fetchone()
        if row is None:
            raise ResultsError(f"{self.path} has no frame {index}")
        with decoding(self.path):
            return self._entry(row[0], index).scene

    def scenes(self) -> Iterator[Scene]:
        """Each frame's scene in order; see `entries`."""
        return (entry.scene for entry in self.entries())

    def entries(self) -> Iterator[Entry]:
        """What is stored of each frame: of a video in order, of pictures by name, numbered from 0.

        Raises:
            ResultsError: The file is damaged; what came before is good.
        """
        with errors(self.path):
            frames = self._database.execute(f"SELECT frame {_IN_ORDER}")
            for number, (frame,) in enumerate(frames):
                with decoding(self.path):
                    entry = self._entry(frame, number)
                yield entry

    def _entry(self, frame: int, number: int) -> Entry:
        """One frame, which is the picture of that number."""
        query = f"SELECT position, key, run, source, content, {rows.FRAME} FROM frames WHERE frame = ?"
        position, key, run, source, content, *row = self._one(query, frame)
        about = self._runs[run]
        scene = rows.scene_of(
            number if about.video is None else position,
            about.categories,
            row,
            *(columns_of(self._database, table, rows.INSTANCE, frame) for table in ("objects", "regions")),
        )
        return Entry(scene, key, os.fsdecode(source), content)

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        with errors(self.path):
            row: tuple[Any, ...] = self._database.execute(query, values).fetchone()
            return row
