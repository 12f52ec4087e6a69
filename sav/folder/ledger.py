"""Which files in an output folder are ours: those that still are as this program wrote them.

The file `ledger.sqlite` in the hidden folder `.sav` beside the results has a claim for each thing that
results are of: one for what tells of everything, and one for each picture. What is listed there with the
content that the file has is ours; a file that was changed since, replaced or never listed is the user's. A
file is listed before it gets its name, so that a kill at any moment leaves nothing of ours that counts as the
user's.

Nothing of it is kept in memory: each question is asked of the file, which all processes share.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from sav.files import named_errors
from sav.folder.claims import RUN, Claim, fingerprint
from sav.folder.ledger_file import LedgerFile
from sav.folder.ledger_tables import ABOUT, named
from sav.media.pictures.names import folded

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["RUN", "STATE", "Claim", "Ledger", "fingerprint"]

STATE = ".sav"
# Keys that are read at once.
_PAGE = 1000
# How often the hidden folder is made again where other processes remove it.
_TRIES = 10


class Ledger:
    """What this program has written in one output folder.

    Attributes:
        folder: The output folder; need not exist.
        state: The hidden folder in it.
    """

    def __init__(self, folder: Path) -> None:
        """Look at what there is, and leave it as it is.

        Raises:
            ResultsError: It cannot be read.
        """
        self.folder, self.state = folder, folder / STATE
        self._file = LedgerFile(self.state)
        self._start = f"{folder}{os.sep}"
        self._is_locked = False

    def __contains__(self, key: str) -> bool:
        """Whether there is a claim of that key, if only a name that somebody has reserved."""
        return bool(self._file.rows("SELECT 1 FROM claims WHERE key = ?", key))

    def keys(self) -> Iterator[str]:
        """All keys but `RUN`, sorted; claims may be written while one goes through them."""
        return self._pages("TRUE")

    def keys_besides(self, classes: str) -> Iterator[str]:
        """The keys, but `RUN`, of what tells of other classes than these, sorted by classes; see `keys`."""
        own = os.fsencode(classes)
        next_ = "SELECT classes FROM claims WHERE classes > ? ORDER BY classes LIMIT 1"
        found = self._file.rows(next_, b"")
        while found:
            if found[0][0] != own:
                yield from self._pages("classes = ?", found[0][0])
            found = self._file.rows(next_, found[0][0])

    def keys_named(self, name: str) -> list[str]:
        """The keys of pictures of that name, the first that was known first."""
        rows = self._file.rows("SELECT key FROM claims WHERE name = ? ORDER BY claim", os.fsencode(name))
        return [key for (key,) in rows]

    def keys_like(self, key: str) -> list[str]:
        """The keys that some file system takes for the same name as `key`."""
        rows = self._file.rows("SELECT key FROM claims WHERE folded = ? AND key != ''", folded(key))
        return [key for (key,) in rows]

    def key_of(self, source: str) -> str | None:
        """The first key of what is remembered of a source; None if nothing is."""
        query = "SELECT key FROM claims WHERE source = ? ORDER BY claim LIMIT 1"
        return next((key for (key,) in self._file.rows(query, os.fsencode(source))), None)

    def claim(self, key: str) -> Claim:
        """The claim of that key; one without files if there is none."""
        query = "SELECT path, prints FROM files WHERE claim = (SELECT claim FROM claims WHERE key = ?)"
        files = {os.fsdecode(path): tuple(prints.split()) for path, prints in self._file.rows(query, key)}
        return Claim(files, self.about(key))

    def about(self, key: str) -> dict[str, str]:
        """What is remembered of a key besides its files; empty if nothing is."""
        for row in self._file.rows(f"SELECT {', '.join(ABOUT)} FROM claims WHERE key = ?", key):
            return named(row)
        return {}

    def has_files(self, key: str) -> bool:
        """Whether any file of a claim is there."""
        query = "SELECT path FROM files WHERE claim = (SELECT claim FROM claims WHERE key = ?)"
        start = os.fsencode(self._start)
        return any(os.path.lexists(start + path) for (path,) in self._file.rows(query, key))

    def write(self, key: str, claim: Claim) -> None:
        """Have a claim on the disk; see `write_all`.

        Raises:
            WriteError: It cannot be written.
        """
        self.write_all({key: claim})

    def write_all(self, claims: Mapping[str, Claim]) -> None:
        """Have claims on the disk, by key; do so before the files that they tell of get their names.

        Those that tell of no files yet are only seen by others. If one is not written, none is.

        Raises:
            WriteError: They cannot be written.
        """
        with self.locked():
            self._file.write(claims)

    def drop(self, *keys: str) -> None:
        """Forget all that is remembered under some keys.

        Raises:
            WriteError: It cannot be written.
        """
        with self.locked():
            self._file.drop(keys)

    def looks_ours(self, path: Path) -> bool:
        """Whether the file at `path` has a size that we gave it and was not changed after it was listed.

        Quick, and almost always right; `as_written` knows.
        """
        prints, listed = self._known(path)
        found = _of_our_size(path, prints)
        return found is not None and (found.st_mtime_ns <= listed or self.as_written(path) is not None)

    def as_written(self, path: Path) -> str | None:
        """The fingerprint of the file at `path` if it is as we wrote it; None if it is not, or not there."""
        prints, _ = self._known(path)
        if _of_our_size(path, prints) is None:
            return None
        try:
            found = fingerprint(path)
        except OSError:  # it may not be read, or is gone by now
            return None
        return found if found in prints else None

    def relative(self, path: Path) -> str:
        """How a claim calls a file."""
        text = str(path)
        if text.startswith(self._start) and os.sep == "/" and "/.." not in text:
            return text[len(self._start) :]
        return PurePosixPath(os.path.relpath(path, self.folder)).as_posix()

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from writing here, where the file system can do that; blocks may be nested.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: There is no folder to remember anything in, or nothing can be written there.
        """
        with self.alone():
            self._file.begin()
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from writing here, for who has nothing to write in the ledger itself.

        Raises:
            WriteError: There is no hidden folder.
        """
        if self._is_locked:
            yield
            return
        with contextlib.ExitStack() as stack:
            with named_errors(self.state):
                for _ in range(_TRIES):
                    if self._takes_lock(stack):
                        break
            self._is_locked = True
            stack.callback(setattr, self, "_is_locked", False)
            yield

    def rest(self) -> None:
        """Let go of the file until it is needed again."""
        self._file.close()

    def close(self) -> None:
        """Let go of the file for good; where it says nothing it goes, and the hidden folder if that is empty.

        Raises:
            WriteError: It cannot be looked at any more.
        """
        if not self.state.is_dir():
            self._file.close()
            return
        with self.alone():
            is_empty = self._file.is_written and not self._file.rows("SELECT 1 FROM claims LIMIT 1")
            self._file.remove() if is_empty else self._file.close()
            with contextlib.suppress(OSError):  # something is in it
                self.state.rmdir()

    def _takes_lock(self, stack: contextlib.ExitStack) -> bool:
        """Lock the hidden folder; False if another process, which has nothing to say, has just removed it."""
        self.state.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return True
        try:
            lock = os.open(self.state, os.O_RDONLY)
            stack.callback(os.close, lock)
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            return os.path.samestat(os.fstat(lock), self.state.stat())
        except FileNotFoundError:
            return False

    def _pages(self, condition: str, *values: object) -> Iterator[str]:
        query = f"SELECT key FROM claims WHERE {condition} AND key > ? ORDER BY key LIMIT {_PAGE}"
        last = RUN
        while rows := self._file.rows(query, *values, last):
            yield from (key for (key,) in rows)
            last = rows[-1][0]

    def _known(self, path: Path) -> tuple[list[str], int]:
        """The fingerprints that a file may have to be ours, and when it was listed."""
        query = "SELECT prints, time FROM files JOIN claims USING (claim) WHERE path = ?"
        rows = self._file.rows(query, os.fsencode(self.relative(path)))
        return (rows[0][0].split(), rows[0][1]) if rows else ([], 0)


def _of_our_size(path: Path, prints: list[str]) -> os.stat_result | None:
    """What the system says of the file at `path`; None if it has none of the sizes that fingerprints have."""
    try:
        found = os.lstat(path) if prints else None
    except (OSError, ValueError):  # there is none, or no file can have that name
        return None
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    return found if any(known.startswith(f"{found.st_size}-") for known in prints) else None
