"""A store: begun, gone on with or opened; what is found in each frame is added to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from sav import sqlite
from sav.data.scene import Scene
from sav.errors import ResultsError
from sav.files import named_errors, whole_file
from sav.sqlite import Connection
from sav.store import rows
from sav.store.about import About
from sav.store.database import (
    add_rows,
    check,
    close,
    errors,
    insert,
    is_empty,
    make_tables,
    opening,
    prepare,
    to_read,
    transaction,
)
from sav.store.reading import StoredScenes
from sav.store.rows import Packed
from sav.store.versions import show_as_now, upgrade


class Store(StoredScenes):
    """A store that scenes are added to, or that is only read; a context manager.

    A frame is there whole or not at all, and so are all before it, after a kill as after a power cut.

    Attributes:
        path: The file.
        about: What the run was about that writes; of a store that is only read, the last one that found
            anything.
    """

    def __init__(self, path: Path, database: Connection, run: int | None = None) -> None:
        """Take over a connection, to add scenes of `run`, or to read; see `create`, `join` and `open`."""
        super().__init__(path, database, run)
        self._is_read_only, self._identity = run is None, sqlite.identity(path)

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
        database = to_read(path)
        try:
            if is_empty(database):
                raise ResultsError(f"{path} is no store of a run: nothing is in it")
            show_as_now(database)
            return cls(path, database)
        except BaseException:
            database.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_in_place(self) -> bool:
        """Whether the file is still the one at its path: somebody may have removed it."""
        return sqlite.identity(self.path) == self._identity

    def write_anew(self) -> None:
        """Have a file be at the path again that somebody has removed, with all that was in it.

        Raises:
            WriteError: It cannot be written.
        """
        with whole_file(self.path) as partial, opening(partial, "rwc") as database, errors(self.path):
            self._database.backup(database)
            close(partial, database)

    def close(self) -> bool:
        """Close the file; where no other process has it open, it is then one file that can be copied.

        Returns:
            Whether it was written to, and no other process has it open.

        Raises:
            WriteError: It cannot be written; what was added is there all the same.
        """
        if self._is_read_only or not self.is_in_place:
            self._database.close()
            return False
        return close(self.path, self._database)

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
        with self.together():
            self._database.execute("DELETE FROM frames WHERE position = ? AND key = ?", (position, key))
            columns = f"position, key, run, source, content, {rows.FRAME}"
            row = (*about, *packed.frame)
            frame = self._database.execute(insert("frames", columns), row).lastrowid
            for table, instances in (("objects", packed.objects), ("regions", packed.regions)):
                add_rows(self._database, table, rows.INSTANCE, frame, instances)

    def move(self, key: str, source: str) -> None:
        """Have a picture lie elsewhere: at a path from the folder of the results.

        Raises:
            WriteError: It cannot be written.
        """
        with self.together():
            query = "UPDATE frames SET source = ? WHERE position = 0 AND key = ?"
            self._database.execute(query, (os.fsencode(source), key))

    def remove(self, key: str) -> None:
        """Forget a picture.

        Raises:
            WriteError: It cannot be written.
        """
        with self.together():
            self._database.execute("DELETE FROM frames WHERE position = 0 AND key = ?", (key,))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Have all that is added and removed in the block be there when it ends, or nothing of it.

        Blocks may be nested. One wait for others who write, and for the disk, serves all.

        Raises:
            WriteError: It cannot be written; what was added before the block stays.
        """
        with errors(self.path):
            if self._database.in_transaction:
                yield
                return
            with transaction(self._database):
                yield
