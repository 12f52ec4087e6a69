"""A folder of results: what is put there replaces only what is ours, and what is the user's stays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sav.errors import WriteError
from sav.files import named_errors, put_in_place, sync_files, sync_folder
from sav.folder.claims import fingerprints
from sav.folder.guarded import GuardedFolder
from sav.folder.ledger import RUN, Claim, fingerprint
from sav.folder.placing import place_files, place_tree

# After so many puts the names that they gave are on the disk: a power cut takes back no more than these.
_PUTS = 32


@dataclass(frozen=True, eq=False)
class Part:
    """Files that tell of one thing, ready to be put in place.

    Attributes:
        staging: A folder with the files, under the paths that they shall have.
        key: What they tell of; see `Ledger`.
        is_outdated: Which files of earlier runs go if they are not among the new ones, by their path from the
            output folder. Those that are not ours any more stay.
        about: What is to be remembered of `key`; None for what was.
        prints: The fingerprint of each file by its path, of whoever has made them; None to look at them.
        is_synced: Whether they are on the disk.
    """

    staging: Path
    key: str
    is_outdated: Callable[[str], bool] = lambda relative: False
    about: Mapping[str, str] | None = None
    prints: Mapping[str, str] | None = None
    is_synced: bool = False


@dataclass(frozen=True, eq=False)
class _Placing:
    """What becomes of a part.

    Attributes:
        part: It.
        claim: What the ledger then has of it.
        new: Those of its files that are put in place.
        kept: Those that are not, since something is in the way.
        outdated: Files of earlier runs that go.
    """

    part: Part
    claim: Claim
    new: Mapping[str, tuple[str, ...]]
    kept: Sequence[str]
    outdated: set[str]


class OutputFolder(GuardedFolder):
    """Where the results of runs go, one run after the other; see `GuardedFolder`."""

    def __init__(self, folder: Path, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        """Look at what is there; see `GuardedFolder`."""
        super().__init__(folder, overwrite, inputs)
        self._unsettled: set[Path] = set()
        self._puts = 0

    def put(
        self,
        staging: Path,
        key: str,
        is_outdated: Callable[[str], bool] = lambda relative: False,
        about: Mapping[str, str] | None = None,
    ) -> list[Path]:
        """Put all files below `staging` in place, as those that tell of `key`; see `Part` and `put_all`.

        Returns:
            Those that were in the way: they stay as they are, and the new ones are not put in place.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: A file cannot be written; those before it are in place.
        """
        (outcome,) = self.put_all([Part(staging, key, is_outdated, about)])
        if isinstance(outcome, WriteError):
            raise outcome
        return outcome

    def put_all(
        self, parts: Sequence[Part], on_listed: Callable[[], None] = lambda: None
    ) -> list[list[Path] | WriteError]:
        """Put the files of several parts in place, none of whose keys is that of another.

        Each file appears whole; of what tells of everything a whole folder at once, where nothing else is in
        the one that it replaces. Other processes wait so long, and what they have put in place since is
        known. All files are listed, and that is on the disk, before the first gets its name.

        Args:
            parts: The parts.
            on_listed: Is called when the ledger has the files, just before the first gets its name.

        Returns:
            For each part the files that were in the way: they stay as they are, and the new ones are not put
            in place. Or what kept one of its files from being put in place; those before it are.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: The files cannot be listed; none is in place.
        """
        with self.ledger.locked():
            placings = [self._placing(part) for part in parts]
            sync_files([one.part.staging / path for one in placings for path in _to_sync(one)])
            self.ledger.write_all({one.part.key: one.claim for one in placings})
            on_listed()
            outcomes = [self._outcome(one) for one in placings]

            self._puts += len(parts)
            is_end = any(part.key == RUN for part in parts)
            if is_end or self._puts >= _PUTS:
                self.settle()
            self._remove_outdated(placings)
            if is_end:
                self.ledger.rest()
            return outcomes

    def settle(self) -> None:
        """Have all names that were given so far reach the disk, where the system can do that."""
        for folder in self._unsettled:
            sync_folder(folder)
        self._unsettled.clear()
        self._puts = 0

    def put_beside(self, partial: Path, path: Path, about: Mapping[str, str] | None = None) -> Path:
        """Put one file in place that tells of everything and lies beside the folder; returns its path.

        Args:
            partial: The file.
            path: Where it goes.
            about: What is to be remembered of everything, too.

        Raises:
            WriteError: It cannot be written.
        """
        with self.ledger.locked():
            before = self.ledger.claim(RUN)
            prints = self._replacing(fingerprint(partial), path)
            files = {**before.files, self.ledger.relative(path): prints}
            self.ledger.write(RUN, Claim(files, {**before.about, **(about or {})}))
            put_in_place(partial, path)
            self.ledger.rest()
        return path

    def remove(self, key: str, is_outdated: Callable[[str], bool]) -> int:
        """Remove those files that tell of `key`, are ours, and are outdated; returns how many.

        Raises:
            ResultsError: The ledger cannot be read.
            WriteError: A file cannot be removed.
        """
        with self.ledger.locked():
            claim = self.ledger.claim(key)
            outdated = [path for path in claim.files if is_outdated(path)]
            removed = self._remove(outdated)
            if outdated:
                rest = {path: prints for path, prints in claim.files.items() if path not in outdated}
                self.ledger.write(key, replace(claim, files=rest))
            return removed

    def _placing(self, part: Part) -> _Placing:
        """What becomes of a part; staged files that something is in the way of are gone after that."""
        before = self.ledger.claim(part.key)
        prints = fingerprints(part.staging) if part.prints is None else part.prints
        new: dict[str, tuple[str, ...]] = {}
        kept: list[str] = []
        for relative, found in sorted(prints.items()):
            if not os.path.lexists(f"{self.folder}/{relative}"):
                new[relative] = (found,)
            elif self.is_in_the_way(self.folder / relative):
                (part.staging / relative).unlink()
                kept.append(relative)
            else:
                new[relative] = self._replacing(found, self.folder / relative)

        olds = before.files.keys() - new.keys() - set(kept)
        outdated = {path for path in olds if part.is_outdated(path) and self.is_ours(path)}
        about = before.about if part.about is None else part.about
        gone = {path for path in olds if not os.path.lexists(self.folder / path)}
        return _Placing(part, Claim({**_without(before.files, gone), **new}, about), new, kept, outdated)

    def _replacing(self, new: str, path: Path) -> tuple[str, ...]:
        """The fingerprints of a new file, and of the file of ours that it replaces."""
        old = self.ledger.as_written(path)
        return (new,) if old in (None, new) else (new, old)

    def _outcome(self, placing: _Placing) -> list[Path] | WriteError:
        """Give the files of a part their names."""
        part = placing.part
        try:
            if part.key == RUN:
                self._unsettled |= place_tree(part.staging, self.folder, {*placing.new, *placing.outdated})
            else:
                self._unsettled |= place_files(part.staging, self.folder, placing.new)
        except WriteError as error:
            return error
        return [self.folder / relative for relative in placing.kept]

    def _remove_outdated(self, placings: Iterable[_Placing]) -> None:
        some = [one for one in placings if one.outdated]
        for one in some:
            self._remove(one.outdated)
        rest = {
            one.part.key: replace(one.claim, files=_without(one.claim.files, one.outdated)) for one in some
        }
        if rest:
            self.ledger.write_all(rest)

    def _remove(self, relatives: Iterable[str]) -> int:
        """Remove those files that are ours, and folders that are empty after that."""
        removed = 0
        for relative in relatives:
            path, inside = self.folder / relative, Path(relative)
            if inside.is_absolute() or ".." in inside.parts or not self.is_ours(relative):
                continue
            with named_errors(path):
                path.unlink()
            removed += 1
            with contextlib.suppress(OSError):
                while (path := path.parent) != self.folder:
                    path.rmdir()
        return removed


def _to_sync(placing: _Placing) -> list[str]:
    """What of a part is not on the disk yet: its files, and the folders that are put in place with them."""
    if placing.part.is_synced:
        return []
    folders = {folder.as_posix() for path in placing.new for folder in Path(path).parents}
    return sorted({*placing.new, *(folders if placing.part.key == RUN else ())})


def _without(files: Mapping[str, tuple[str, ...]], some: Container[str]) -> dict[str, tuple[str, ...]]:
    return {path: prints for path, prints in files.items() if path not in some}
