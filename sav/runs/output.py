"""A folder of results: what is put there replaces only what is ours, and what is the user's stays."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sav.files import exchange, move, named_errors, put_in_place, sync_files, sync_folder
from sav.runs.ledger import RUN, Claim, Ledger, fingerprint

# After so many puts the names that they gave are on the disk: a power cut takes back no more than these.
_PUTS = 32
# How often files that are not known as ours are looked for in what other processes have written by now.
_LOOKS = 2


def in_the_way(paths: Sequence[Path]) -> FileExistsError:
    """What is said of files that are in the way of a whole run."""
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    return FileExistsError(
        f"{paths[0]}{more} is in the way, and is not as this program wrote it: move it, give another place"
        " for the results, or replace it with --overwrite"
    )


class OutputFolder:
    """Where the results of runs go, one run after the other.

    Attributes:
        folder: The folder; need not exist.
        ledger: What is ours in it.
        overwrite: Whether files that are not ours are replaced, too.
    """

    def __init__(self, folder: Path, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        """Look at what is there.

        Args:
            folder: The folder.
            overwrite: Replace also files that are not ours.
            inputs: What the run reads, which is never replaced.

        Raises:
            OSError: What is remembered of it cannot be read.
        """
        self.folder = folder
        self.ledger = Ledger(folder)
        self.overwrite = overwrite
        self._unsettled: set[Path] = set()
        self._puts = 0
        self._inputs: set[tuple[int, int]] = set()
        self.protect(inputs)

    def protect(self, inputs: Iterable[Path]) -> None:
        """Never replace what the run reads."""
        self._inputs |= {identity for path in inputs for identity in _identities(path)}

    def is_in_the_way(self, path: Path, thorough: bool = True) -> bool:
        """Whether there is something at `path` that may not be replaced.

        Args:
            path: A file in the folder, or beside it.
            thorough: Know it by its content; else see `Ledger.looks_ours`.
        """
        is_ours = self.ledger.as_written if thorough else self.ledger.looks_ours
        return not self._may_replace(path, bool(is_ours(path)))

    def blocked(self, paths: Iterable[Path], thorough: bool = True) -> list[Path]:
        """Those of several paths where something is in the way; see `is_in_the_way`.

        What another process has put in place in the moment before is known by a second look.

        Raises:
            ResultsError: The ledger cannot be read.
        """
        found = [path for path in paths if self.is_in_the_way(path, thorough)]
        for _ in range(_LOOKS):
            if found:
                self.ledger.load()
                found = [path for path in found if self.is_in_the_way(path, thorough)]
        return found

    def why_kept(self, path: Path) -> str:
        """What is to be said of a file that is in the way and stays."""
        kept = "it is kept, and the new result is left out"
        if self._inputs & _identities(path):
            return f"is read by this run: {kept}"
        if _is_folder(path):
            return f"is a folder: {kept}"
        if path.is_file() and not os.access(path, os.R_OK):
            return f"cannot be read: {kept} (--overwrite replaces it)"
        return f"is not as this program wrote it: {kept} (--overwrite replaces it)"

    def put(
        self,
        staging: Path,
        key: str,
        is_outdated: Callable[[str], bool] = lambda relative: False,
        about: Mapping[str, str] | None = None,
        on_listed: Callable[[], None] = lambda: None,
    ) -> list[Path]:
        """Put all files below `staging` in place, as those that tell of `key`.

        Each appears whole; a whole folder at once, where nothing else is in the one that it replaces. Other
        processes wait so long, and what they have put in place since is known.

        Args:
            staging: A folder with the files, under the paths that they shall have.
            key: What they tell of; see `Ledger`.
            is_outdated: Which files of earlier runs go if they are not among the new ones, by their path from
                the output folder. Those that are not ours any more stay.
            about: What is to be remembered of `key`; by default what was.
            on_listed: Is called when the ledger has the files, just before the first gets its name.

        Returns:
            Those that were in the way: they stay as they are, and the new ones are not put in place.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: A file cannot be written; those before it are in place.
        """
        with self.ledger.locked():
            self.ledger.reload(key)
            return self._put(staging, key, is_outdated, about, on_listed)

    def settle(self) -> None:
        """Have all names that were given so far reach the disk, where the system can do that."""
        for folder in self._unsettled:
            sync_folder(folder)
        self._unsettled.clear()

    def put_beside(self, partial: Path, path: Path) -> Path:
        """Put one file in place that tells of everything and lies beside the folder; returns its path.

        Raises:
            WriteError: It cannot be written.
        """
        with self.ledger.locked():
            before = self.ledger.claim(RUN)
            prints = self._fingerprints(partial, path)
            files = {**before.files, self.ledger.relative(path): prints}
            self.ledger.write(RUN, replace(before, files=files))
            return put_in_place(partial, path)

    def remove(self, key: str, is_outdated: Callable[[str], bool]) -> int:
        """Remove those files that tell of `key`, are ours, and are outdated; returns how many.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: A file cannot be removed.
        """
        with self.ledger.locked():
            self.ledger.reload(key)
            claim = self.ledger.claim(key)
            outdated = [path for path in claim.files if is_outdated(path)]
            removed = self._remove(outdated)
            if outdated:
                rest = {path: prints for path, prints in claim.files.items() if path not in outdated}
                self.ledger.write(key, replace(claim, files=rest))
            return removed

    def was_changed(self, relative: str) -> bool:
        """Whether a file that was ours is there and is not any more as this program wrote it."""
        return os.path.lexists(self.folder / relative) and not self._is_ours(relative)

    def _put(
        self,
        staging: Path,
        key: str,
        is_outdated: Callable[[str], bool],
        about: Mapping[str, str] | None,
        on_listed: Callable[[], None],
    ) -> list[Path]:
        before = self.ledger.claim(key)
        new, kept = self._allowed(staging)
        outdated = {
            relative
            for relative in before.files
            if is_outdated(relative)
            and relative not in new
            and relative not in kept
            and self._is_ours(relative)
        }
        claim = Claim({**before.files, **new}, before.about if about is None else about)

        sync_files(sorted(staging.rglob("*")))
        self.ledger.write(key, claim)
        on_listed()
        self._unsettled |= self._place(staging, self.folder, {*new, *outdated})
        self._unsettled.add(self.ledger.path(key).parent)
        self._puts += 1
        if key == RUN or self._puts % _PUTS == 0:
            self.settle()
        if outdated:
            self._remove(outdated)
            rest = {relative: prints for relative, prints in claim.files.items() if relative not in outdated}
            self.ledger.write(key, replace(claim, files=rest))
        return [self.folder / relative for relative in kept]

    def _may_replace(self, path: Path, is_ours: bool) -> bool:
        identities = _identities(path)
        if not identities:
            return True
        return not (self._inputs & identities or _is_folder(path)) and (self.overwrite or is_ours)

    def _is_ours(self, relative: str) -> bool:
        return self.ledger.as_written(self.folder / relative) is not None

    def _allowed(self, staging: Path) -> tuple[dict[str, tuple[str, ...]], list[str]]:
        """Those staged files that may be put in place, with their fingerprints; and those that go unseen."""
        new, kept = {}, []
        for path in sorted(path for path in staging.rglob("*") if not path.is_dir()):
            relative = path.relative_to(staging).as_posix()
            if self.is_in_the_way(self.folder / relative):
                path.unlink()
                kept.append(relative)
            else:
                new[relative] = self._fingerprints(path, self.folder / relative)
        return new, kept

    def _fingerprints(self, partial: Path, path: Path) -> tuple[str, ...]:
        """The new file's, and that of the file of ours that it replaces."""
        new, old = fingerprint(partial), self.ledger.as_written(path)
        return (new,) if old in (None, new) else (new, old)

    def _place(self, source: Path, target: Path, replaceable: set[str]) -> set[Path]:
        """Move a file or folder, at once if all that is in its place may go; returns where names changed."""
        if not source.is_dir():
            with named_errors(target):
                move(source, target)
            return {target.parent}
        if target != self.folder and self._place_at_once(source, target, replaceable):
            return {target.parent}
        touched = set()
        for item in sorted(source.iterdir(), key=_order):
            touched |= self._place(item, target / item.name, replaceable)
        return touched

    def _place_at_once(self, source: Path, target: Path, replaceable: set[str]) -> bool:
        if target.is_dir() and not target.is_symlink():
            inside = f"{target.relative_to(self.folder).as_posix()}/"
            known = (self.folder / path for path in replaceable if path.startswith(inside))
            if not any(map(os.path.lexists, known)):
                return False  # whatever is in there is to stay
            is_free = all(
                path.relative_to(self.folder).as_posix() in replaceable for path in _standing(target)
            )
            return is_free and exchange(source, target)
        if target.is_dir():
            return False
        with named_errors(target):
            try:
                source.rename(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                target.mkdir()
                return False
        return True

    def _remove(self, relatives: Iterable[str]) -> int:
        """Remove those files that are ours, and folders that are empty after that."""
        removed = 0
        for relative in relatives:
            path = self.folder / relative
            if ".." in path.parts or not self._is_ours(relative):
                continue
            with named_errors(path):
                path.unlink()
            removed += 1
            with contextlib.suppress(OSError):
                while (path := path.parent) != self.folder:
                    path.rmdir()
        return removed


def _order(item: Path) -> tuple[bool, str]:
    """A data set's labels come before its pictures: one without labels would count as empty."""
    return item.name == "images", item.name


def _standing(folder: Path) -> Iterator[Path]:
    """What is no folder in a folder and those in it; nobody looks further than is asked for."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _standing(Path(entry.path))
            else:
                yield Path(entry.path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a link that cannot be followed
        return False


def _identities(path: Path) -> set[tuple[int, int]]:
    """What stands for the file at `path`, and for the one that it is a link to; none if there is nothing."""
    found = set()
    for look in (path.lstat, path.stat):
        with contextlib.suppress(OSError):  # a loop of links, a name too long, a folder that may not be read
            status = look()
            found.add((status.st_dev, status.st_ino))
    return found
