"""What is in a store: each frame's scene in order, and what can be told of it without making scenes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from sav.data.scene import Scene
from sav.errors import ResultsError
from sav.sqlite import Connection
from sav.store import rows
from sav.store.about import About
from sav.store.database import checked, decoding, errors
from sav.store.rows import Entry, Packed, Rows

_IN_ORDER = "FROM frames ORDER BY position, name, key"
# Frames that are read together; keys of a page.
_FRAMES, _KEYS = 64, 1000


class Tally(NamedTuple):
    """What a stored scene holds.

    Attributes:
        objects: Objects.
        regions: Regions.
        duplicates: Objects that were left out because another has the same mask.
        doubtful: Objects whose masks are; None if that was not kept.
    """

    objects: int
    regions: int
    duplicates: int
    doubtful: int | None


class StoredScenes:
    """The scenes of a video, or of the pictures that have their results in one folder.

    However many there are, few are in memory at a time.

    Attributes:
        path: The file.
        about: What the run was about that writes; of a store that is only read, the last one that found
            anything.
    """

    def __init__(self, path: Path, database: Connection, run: int | None = None) -> None:
        """Read through a connection to `path`, as somebody who writes for `run`."""
        self.path = path
        self._database = database
        with decoding(path):
            runs = self._all("SELECT run, about FROM runs")
            self._runs = {number: About.from_json(about) for number, about in runs}
            self._run = self._last_run() if run is None else run
        self.about = self._runs[self._run]

    def __len__(self) -> int:
        """How many frames or pictures there are."""
        return int(self._one("SELECT COUNT(*) FROM frames")[0])

    def __contains__(self, key: str) -> bool:
        """Whether there is a picture of that name."""
        return bool(self._one("SELECT COUNT(*) FROM frames WHERE position = 0 AND key = ?", key)[0])

    @property
    def last_index(self) -> int:
        """The index of the last frame of a video; -1 if there is none."""
        return int(self._one("SELECT IFNULL(MAX(position), -1) AS position FROM frames")[0])

    @property
    def is_finished(self) -> bool:
        """Whether the run came to its end; see `Store.finish`."""
        return self._end is not None

    @property
    def end_time(self) -> Fraction | None:
        """When the last frame of a finished video ends, in the source's seconds, if that is known."""
        with decoding(self.path):
            return Fraction(self._end) if self._end else None

    def _last_run(self) -> int:
        """The last run that anything is here of; the last one if there is nothing."""
        last: int | None = self._one("SELECT MAX(run) FROM frames JOIN runs USING (run)")[0]
        return max(self._runs) if last is None else last

    @property
    def _end(self) -> str | None:
        end: str | None = self._one("SELECT end FROM runs WHERE run = ?", self._run)[0]
        return end

    def keys(self) -> Iterator[str]:
        """The pictures, by the names of their results, sorted; others may be added and removed meanwhile."""
        query = "SELECT key FROM frames WHERE position = 0 AND key > ? ORDER BY key LIMIT ?"
        last = ""
        while page := self._all(query, last, _KEYS):
            yield from (key for (key,) in page)
            last = page[-1][0]

    def sources(self) -> Iterator[tuple[str, str]]:
        """Each picture's path from the folder of the results, and what stands for its content, in order."""
        with errors(self.path):
            for source, content in self._rows(f"SELECT source, content {_IN_ORDER}"):
                yield os.fsdecode(source), content

    def track_ids(self) -> list[int]:
        """The ids of all objects, in order."""
        return [number for (number,) in self._all("SELECT DISTINCT id FROM objects ORDER BY id")]

    def ids(self) -> list[int]:
        """The ids of all objects and regions, in order."""
        query = "SELECT id FROM objects UNION SELECT id FROM regions ORDER BY id"
        return [number for (number,) in self._all(query)]

    def holds(self, key: str, content: str) -> bool:
        """Whether a picture of that key and content is there, found by a run like the one that writes."""
        query = "SELECT COUNT(*) FROM frames WHERE position = 0 AND key = ? AND content = ? AND run = ?"
        return bool(self._one(query, key, content, self._run)[0])

    def made_by(self, key: str) -> About | None:
        """What the run was about that found what is known of a picture; None if it is not there."""
        query = "SELECT about FROM runs JOIN frames USING (run) WHERE position = 0 AND key = ?"
        row = self._one(query, key)
        with decoding(self.path):
            return None if row is None else About.from_json(row[0])

    def tally(self, key: str, content: str) -> Tally | None:
        """What a picture of that key and content holds; None unless a run like this one found it."""
        objects, regions = (
            f"(SELECT COUNT(*) FROM {table} WHERE {table}.frame = frames.frame)"
            for table in ("objects", "regions")
        )
        query = (
            f"SELECT {objects}, {regions}, duplicates, doubtful FROM frames"
            " WHERE position = 0 AND key = ? AND content = ? AND run = ?"
        )
        row = self._one(query, key, content, self._run)
        return None if row is None else Tally(*row)

    def scene(self, key: str) -> Scene | None:
        """What is known of a picture; None if it is not there."""
        frame = self._frame_of(key)
        return None if frame is None else self._scene(frame, 0)

    def instances(self, key: str) -> tuple[Rows, Rows] | None:
        """The rows of a picture's objects and regions, as `Packed` has them; None if it is not there."""
        scene = self.scene(key)
        return None if scene is None else Packed.instances_of(scene, is_measured=True)

    def at(self, index: int) -> Scene:
        """What is known of the frame of that index of a video.

        Raises:
            ResultsError: It is not there, or the file is damaged.
        """
        row = self._one("SELECT frame FROM frames WHERE position = ?", index)
        if row is None:
            raise ResultsError(f"{self.path} has no frame {index}")
        return self._scene(row[0], index)

    def scenes(self) -> Iterator[Scene]:
        """Each frame's scene in order; see `entries`."""
        return (entry.scene for entry in self.entries())

    def entries(self, is_wanted: Callable[[str], bool] = lambda key: True) -> Iterator[Entry]:
        """What is stored of each frame: of a video in order, of pictures by name, numbered from 0.

        Args:
            is_wanted: Which there are to be, by their keys; others are not numbered.

        Raises:
            ResultsError: The file is damaged; what came before is good.
        """
        with errors(self.path):
            in_order = self._rows(f"SELECT frame, key {_IN_ORDER}")
            wanted = (frame for frame, key in in_order if is_wanted(key))
            number = 0
            while some := list(islice(wanted, _FRAMES)):
                for make in self._entries(some):
                    with decoding(self.path):
                        entry = make(number)
                    yield entry
                    number += 1

    def _scene(self, frame: int, number: int) -> Scene:
        with errors(self.path), decoding(self.path):
            (make,) = self._entries([frame])
            return make(number).scene

    def _entries(self, frames: Sequence[int]) -> Iterator[Callable[[int], Entry]]:
        """What makes the entry of each of a few frames, given its number, if it is a picture."""
        columns = f"frame, position, key, run, source, content, {rows.FRAME}"
        query = f"SELECT {columns} FROM frames WHERE frame IN ({_marks(frames)})"
        found = {frame: row for frame, *row in self._all(query, *frames)}
        objects, regions = (self._instances(table, frames) for table in ("objects", "regions"))

        def make(frame: int, number: int) -> Entry:
            position, key, run, source, content, *row = found[frame]
            about = self._runs[run]
            index = number if about.video is None else position
            scene = rows.scene_of(index, key, about.categories, row, objects[frame], regions[frame])
            return Entry(scene, key, os.fsdecode(source), content)

        return (partial(make, frame) for frame in frames)

    def _instances(self, table: str, frames: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
        """The rows of each of a few frames, in order."""
        found: dict[int, list[tuple[Any, ...]]] = {frame: [] for frame in frames}
        columns = f"frame, {rows.INSTANCE}"
        query = f"SELECT {columns} FROM {table} WHERE frame IN ({_marks(frames)}) ORDER BY frame, place"
        for frame, *row in self._all(query, *frames):
            found[frame].append(tuple(row))
        return found

    def _frame_of(self, key: str) -> int | None:
        row = self._one("SELECT frame FROM frames WHERE position = 0 AND key = ?", key)
        return None if row is None else row[0]

    def _one(self, query: str, *values: object) -> Any:
        return next(iter(self._all(query, *values)), None)

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with errors(self.path):
            return list(self._rows(query, *values))

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        return checked(self.path, self._database.execute(query, values))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
