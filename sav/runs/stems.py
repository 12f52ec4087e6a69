"""What the results of each picture are called: a name of its own, whatever other processes do meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sav.media.pictures import output_stems
from sav.runs.ledger import RUN, Claim, Ledger, fingerprint


class Sources:
    """Pictures' paths from the folder of their results; one that is a link is not what it leads to."""

    def __init__(self, save_dir: Path) -> None:
        """Look where the folder of the results is."""
        self._save_dir = save_dir.resolve()
        self._folders: dict[Path, str] = {}

    def of(self, picture: Path) -> str:
        """The path of a picture; its folder is looked for once."""
        folder = self._folders.get(picture.parent)
        if folder is None:
            folder = os.path.relpath(picture.parent.resolve(), self._save_dir)
            self._folders[picture.parent] = folder
        return picture.name if folder == os.curdir else os.path.join(folder, picture.name)  # noqa: PTH118


class Stems:
    """A name for the results of each picture of a run.

    A picture that was here before keeps its name, and no other picture gets it. Names are planned before any
    work; each is reserved before it is used, since another process may have given it away since.

    Attributes:
        vanished: Names in the ledger whose results somebody has removed.
    """

    def __init__(self, pictures: Sequence[Path], ledger: Ledger, joined: Sequence[Path]) -> None:
        """Plan the names; nothing is changed by that.

        Args:
            pictures: The pictures.
            ledger: What is known of earlier ones.
            joined: The files that can tell of all pictures.
        """
        self._pictures, self._ledger, self._joined = pictures, ledger, joined
        find = Sources(ledger.folder)
        self._sources = [find.of(path) for path in pictures]
        self.vanished = frozenset(key for key in ledger.keys() if self.has_vanished(key))  # noqa: SIM118
        self._stems = self._planned()
        self._owners = [
            None if stem in self.vanished else ledger.about(stem).get("source") for stem in self._stems
        ]
        self._new: set[str] = set()

    def __getitem__(self, position: int) -> str:
        """The name that is planned for the picture at a position."""
        return self._stems[position]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stems)

    def known_by(self, position: int, content: str) -> dict[str, str]:
        """What is remembered of a picture, to know it again; `content` is what `content_of` says."""
        return {
            "name": self._pictures[position].name,
            "source": self._sources[position],
            "content": content,
        }

    def has_vanished(self, key: str) -> bool:
        """Whether nothing is left of a picture's results, nor any file that tells of all pictures."""
        return (
            key != RUN and not any(path.exists() for path in self._joined) and not self._ledger.has_files(key)
        )

    def reserve(self, positions: Sequence[int], abouts: Sequence[Mapping[str, str]]) -> list[str]:
        """Names for the results of some pictures that no other process uses from now on.

        The ledger must be locked.

        Args:
            positions: They.
            abouts: What is to be remembered of each.

        Raises:
            WriteError: The ledger cannot be written.
        """
        new: dict[str, Claim] = {}
        for position, about in zip(positions, abouts, strict=True):
            stem = self._stems[position] = self._free_name(position, new)
            if stem not in new and stem not in self._ledger:
                new[stem] = Claim(about=about)
        if new:
            self._ledger.write_all(new)
        self._new |= new.keys()
        return [self._stems[position] for position in positions]

    def release(self, stems: Iterable[str]) -> None:
        """Give names back that were reserved for nothing. The ledger must be locked."""
        unused = [stem for stem in stems if stem in self._new and not self._ledger.has_files(stem)]
        if unused:
            self._ledger.drop(*unused)
        self.filled(unused)

    def filled(self, stems: Iterable[str]) -> None:
        """Take note that there is something under some names, so that they are never given back."""
        self._new.difference_update(stems)

    def _free_name(self, position: int, reserved: Mapping[str, Claim]) -> str:
        """The name that was planned for a picture, or another if another process has given that away."""
        stem, source = self._stems[position], self._sources[position]
        known = self._ledger.key_of(source)
        if known is not None:
            return known
        if stem in self.vanished and self.has_vanished(stem):
            self._ledger.drop(stem)
        if self._ledger.about(stem).get("source") in (None, self._owners[position]):
            return stem
        return output_stems([self._pictures[position]], {*self._ledger.keys(), *reserved})[0]

    def _planned(self) -> list[str]:
        about = {key: self._ledger.about(key) for key in self._ledger.keys() if key not in self.vanished}  # noqa: SIM118
        by_source = {known.get("source"): key for key, known in about.items()}
        pairs = list(zip(self._pictures, self._sources, strict=True))
        stems = {path: by_source[source] for path, source in pairs if source in by_source}

        # One that was moved since is known by its name and content.
        free = {key: known for key, known in about.items() if known.get("source") not in self._sources}
        for path in self._pictures:
            same = [key for key, known in free.items() if known.get("name") == path.name]
            found = content_of(path) if same and path not in stems else ""
            moved = next((key for key in same if found and free[key].get("content") == found), None)
            if moved is not None:
                stems[path] = moved
                del free[moved]

        others = [path for path in self._pictures if path not in stems]
        stems.update(zip(others, output_stems(others, about), strict=True))
        return [stems[path] for path in self._pictures]


def content_of(picture: Path) -> str:
    """What stands for a picture's content; empty if it cannot be read."""
    try:
        return fingerprint(picture) if picture.is_file() else ""
    except OSError:
        return ""
