"""What the results of each picture are called: a name of its own, whatever other processes do meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sav.folder.ledger import RUN, Claim, Ledger
from sav.media.pictures.names import folded, own_stem, plain_stem
from sav.runs.pictures.catalogue import NEW, Catalogue
from sav.runs.pictures.naming import name_pictures
from sav.spool import Rows, Texts, unpack


class Stems(Rows[str]):
    """A name for the results of each picture of a run.

    A picture that was here before keeps its name, and no other picture gets it. Names are planned before any
    work; each is reserved before it is used, since another process may have given it away since.

    Attributes:
        vanished: Names in the ledger whose results somebody has removed.
    """

    def __init__(self, catalogue: Catalogue, ledger: Ledger, joined: Sequence[Path]) -> None:
        """Plan the names; nothing is changed by that.

        Args:
            catalogue: The pictures.
            ledger: What is known of earlier ones.
            joined: The files that can tell of all pictures.
        """
        super().__init__(catalogue.spool, "pictures", "stem", unpack)
        self._catalogue, self._ledger, self._joined = catalogue, ledger, joined
        self._new: set[str] = set()
        self.vanished = Texts(self._gone())
        name_pictures(catalogue, ledger, self.vanished)

    def __contains__(self, stem: object) -> bool:
        """Whether a picture's results have that name; they are not gone through."""
        return self._catalogue.has_stem(stem)

    def known_by(self, position: int, content: str) -> dict[str, str]:
        """What is remembered of a picture, to know it again; `content` is what `content_of` says."""
        name, source = self._catalogue.paths[position].name, self._catalogue.sources[position]
        return {"name": name, "source": source, "content": content}

    def has_vanished(self, key: str) -> bool:
        """Whether nothing is left of a picture's results, nor any file that tells of all pictures."""
        return key != RUN and not self._is_joined() and not self._ledger.has_files(key)

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
        stems = []
        for position, about in zip(positions, abouts, strict=True):
            stem = self._free_name(position, new)
            if stem not in new and stem not in self._ledger:
                new[stem] = Claim(about=about)
            stems.append(stem)
        if new:
            self._ledger.write_all(new)
        self._new |= new.keys()
        return stems

    def release(self, stems: Iterable[str]) -> None:
        """Give names back that were reserved for nothing. The ledger must be locked."""
        unused = [stem for stem in stems if stem in self._new and not self._ledger.has_files(stem)]
        if unused:
            self._ledger.drop(*unused)
        self.filled(unused)

    def filled(self, stems: Iterable[str]) -> None:
        """Take note that there is something under some names, so that they are never given back."""
        self._new.difference_update(stems)

    def _gone(self) -> Iterator[str]:
        if not self._is_joined():
            keys = self._ledger.keys()
            yield from (key for key in keys if not self._ledger.has_files(key))

    def _is_joined(self) -> bool:
        return any(path.exists() for path in self._joined)

    def _free_name(self, position: int, new: Mapping[str, Claim]) -> str:
        """The name that was planned for a picture, or another if another process has given that away."""
        stem, known = self[position], self._ledger.key_of(self._catalogue.sources[position])
        if known is None:
            if stem in self.vanished and self.has_vanished(stem):
                self._ledger.drop(stem)
            known = self._of_its_own(position, new) if self._is_given_away(position, stem, new) else stem
        if known != stem:
            self._catalogue.name(position + 1, known, NEW)
        return known

    def _is_given_away(self, position: int, stem: str, new: Mapping[str, Claim]) -> bool:
        """Whether another picture has got the name that was planned for one."""
        about = new[stem].about if stem in new else self._ledger.about(stem)
        return about.get("source") not in (None, self._catalogue.owner(position + 1))

    def _of_its_own(self, position: int, new: Mapping[str, Claim]) -> str:
        """A name that no picture has got."""
        taken = set(map(folded, new))

        def is_taken(stem: str) -> bool:
            return folded(stem) in taken or bool(self._ledger.keys_like(stem))

        path = self._catalogue.paths[position]
        plain = plain_stem(path)
        return own_stem(path, is_taken) if is_taken(plain) else plain
