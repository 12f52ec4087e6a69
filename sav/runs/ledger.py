"""Which files in an output folder are ours: those that still are as this program wrote them.

A hidden folder `.sav` beside the results has a small JSON file for each thing that results are of: `run.json`
for what tells of everything, `pictures/NAME.json` for one picture. What is listed there with the content that
the file has is ours; a file that was changed since, replaced or never listed is the user's. A file is listed
before it gets its name, so that a kill at any moment leaves nothing of ours that counts as the user's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from sav.errors import ResultsError
from sav.files import named_errors, put_in_place, staging_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)

STATE = ".sav"
# The key of what tells of everything.
RUN = ""
_WRITER = "writer"
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Claim:
    """The files that tell of one thing.

    Attributes:
        files: Each file's path from the output folder, and the fingerprints that it may have to be ours: the
            one that it was given last, and the one before if a kill could have left that.
        about: What they tell of, and what else is to be remembered of it.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


class Ledger:
    """What this program has written in one output folder.

    Attributes:
        folder: The output folder; need not exist.
        claims: The claims by key; `RUN` for what tells of everything, a picture's stem for its own.
    """

    def __init__(self, folder: Path) -> None:
        """Read what there is.

        Raises:
            ResultsError: It cannot be read.
        """
        self.folder = folder
        self._start = f"{folder}{os.sep}"
        self.claims: dict[str, Claim] = {}
        self._by_source: dict[str, dict[str, None]] = {}
        self._writer = secrets.token_hex(8)
        self._times: dict[str, int] = {}
        self._keys: dict[str, str] = {}
        self._is_locked = False
        self.load()

    def load(self) -> None:
        """Read all claims.

        Raises:
            ResultsError: One cannot be read.
        """
        for key in [RUN, *_names(self.folder / STATE / "pictures")]:
            self.reload(key)

    def load_new(self) -> None:
        """Read the claims on things that nothing was known of, which another process may have made.

        The ledger must be locked. Who has added to it last is noted in what tells of everything, so that a
        process that is alone looks through the folder once.

        Raises:
            ResultsError: One cannot be read.
            WriteError: It cannot be noted.
        """
        run = self.claim(RUN)
        if run.about.get(_WRITER) == self._writer:
            return
        for key in _names(self.folder / STATE / "pictures"):
            if key not in self.claims:
                self.reload(key)
        self.write(RUN, replace(run, about={**run.about, _WRITER: self._writer}))

    def sign_off(self) -> None:
        """Be no longer the one who has added last; leaves nothing behind that says nothing.

        Raises:
            ResultsError: What tells of everything cannot be read.
            WriteError: It cannot be written.
        """
        if self.claim(RUN).about.get(_WRITER) != self._writer:
            return
        with self.locked():
            run = self.claim(RUN)
            about = {name: text for name, text in run.about.items() if name != _WRITER}
            if about or run.files:
                self.write(RUN, Claim(run.files, about))
            else:
                self.drop(RUN)

    def path(self, key: str, suffix: str = ".json") -> Path:
        """Where what is remembered under `key` lies."""
        state = self.folder / STATE
        return state / f"run{suffix}" if key == RUN else state / "pictures" / f"{key}{suffix}"

    def claim(self, key: str) -> Claim:
        """The claim of that key; one without files if there is none."""
        return self.claims.get(key, Claim())

    def key_of(self, source: str) -> str | None:
        """The first key of what is remembered of a source; None if nothing is."""
        return next(iter(self._by_source.get(source, ())), None)

    def has_files(self, key: str) -> bool:
        """Whether any file of a claim is there."""
        return any(os.path.lexists(self.folder / path) for path in self.claim(key).files)

    def reload(self, key: str) -> None:
        """Read a claim anew, which another process may have changed.

        Raises:
            ResultsError: It cannot be read.
        """
        path = self.path(key)
        try:
            with path.open("rb") as file:
                self._times[key] = os.fstat(file.fileno()).st_mtime_ns
                claim = _parsed(json.load(file))
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unreadable(path, error) from error
        except (ValueError, RecursionError):
            _log.warning("%s is damaged; the files that it tells of count as yours", path)
            return
        self._keep(key, claim)

    def write(self, key: str, claim: Claim) -> None:
        """Have a claim on the disk; do so before the files that it tells of get their names.

        One that tells of no files yet is only seen by others, and names of claims reach the disk when those
        of the files do, after them: file systems keep the order of names.

        Raises:
            WriteError: It cannot be written.
        """
        path = self.path(key)
        with named_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        # Not staged beside it: among a million others each look for what was abandoned would take its time.
        with named_errors(path), staging_folder(self.folder / STATE / "claim") as staging:
            table = {"about": claim.about, "files": claim.files}
            with (staging / path.name).open("w", encoding="ascii", newline="\n") as file:
                json.dump(table, file, indent=1, sort_keys=True)  # ASCII: names need not be UTF-8
            if claim.files:
                put_in_place(staging / path.name, path, is_lasting=key == RUN)
            else:
                (staging / path.name).replace(path)
        self._times[key] = path.stat().st_mtime_ns
        self._keep(key, claim)

    def drop(self, key: str) -> None:
        """Forget all that is remembered under a key."""
        self.path(key).unlink(missing_ok=True)
        self._forget(key)
        self.claims.pop(key, None)

    def looks_ours(self, path: Path) -> bool:
        """Whether the file at `path` has a size that we gave it and was not changed after it was listed.

        Quick, and almost always right; `as_written` knows.
        """
        relative = self.relative(path)
        if not self._has_our_size(path):
            return False
        is_older = path.lstat().st_mtime_ns <= self._times[self._keys[relative]]
        return is_older or self.as_written(path) is not None

    def as_written(self, path: Path) -> str | None:
        """The fingerprint of the file at `path` if it is as we wrote it; None if it is not, or not there."""
        if not self._has_our_size(path):
            return None
        try:
            found = fingerprint(path)
        except OSError:  # it may not be read, or is gone by now
            return None
        return found if found in self._known(path) else None

    def _has_our_size(self, path: Path) -> bool:
        sizes = {known.partition("-")[0] for known in self._known(path)}
        if not sizes or not os.path.lexists(path):
            return False
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and str(found.st_size) in sizes

    def _known(self, path: Path) -> tuple[str, ...]:
        relative = self.relative(path)
        return self.claims[self._keys[relative]].files[relative] if relative in self._keys else ()

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
            ResultsError: What tells of everything cannot be read.
            WriteError: There is no folder to remember anything in.
        """
        if self._is_locked:
            yield
            return
        state = self.folder / STATE
        with contextlib.ExitStack() as stack:
            with named_errors(state):
                state.mkdir(parents=True, exist_ok=True)
                if fcntl is not None:
                    lock = os.open(state, os.O_RDONLY)
                    stack.callback(os.close, lock)
                    with contextlib.suppress(OSError):
                        fcntl.flock(lock, fcntl.LOCK_EX)
            self._is_locked = True
            stack.callback(setattr, self, "_is_locked", False)
            self.reload(RUN)
            yield

    def _keep(self, key: str, claim: Claim) -> None:
        before = self.claim(key).about.get("source")
        self._forget(key, but_source=claim.about.get("source"))
        self.claims[key] = claim
        self._keys.update(dict.fromkeys(claim.files, key))
        if (source := claim.about.get("source")) not in (None, before):
            self._by_source.setdefault(str(source), {})[key] = None

    def _forget(self, key: str, but_source: str | None = None) -> None:
        claim = self.claim(key)
        for relative in claim.files:
            self._keys.pop(relative, None)
        source = claim.about.get("source")
        if source is not None and source != but_source:
            keys = self._by_source.get(source, {})
            keys.pop(key, None)
            if not keys:
                self._by_source.pop(source, None)


def fingerprint(path: Path) -> str:
    """A file's size and what stands for its content."""
    digest = hashlib.blake2b(digest_size=16)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return f"{size}-{digest.hexdigest()}"


def _names(folder: Path) -> list[str]:
    """The keys that have a claim."""
    try:
        return sorted(path.stem for path in folder.iterdir() if path.suffix == ".json")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(path: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"cannot read {path}, which says which files are ours: {error.strerror}; make it readable, or move it"
        " away (the files that it tells of then count as yours)"
    )


def _parsed(table: Any) -> Claim:
    """A claim out of JSON that anybody may have written.

    Raises:
        ValueError: It is no claim.
    """
    try:
        files = {str(path): tuple(map(str, prints)) for path, prints in table["files"].items()}
        return Claim(files, {str(name): str(value) for name, value in table["about"].items()})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a claim") from error
