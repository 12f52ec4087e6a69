"""Names for the results of pictures: what earlier runs know keeps its own, and no two are the same."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from sav.folder.ledger import Ledger, fingerprint
from sav.media.pictures.names import own_stem
from sav.runs.pictures.catalogue import KNOWN, NEW, SHARED, Catalogue


def name_pictures(catalogue: Catalogue, ledger: Ledger, vanished: Container[str]) -> None:
    """Plan a name for the results of each picture.

    Args:
        catalogue: The pictures, which have the names that they would have alone.
        ledger: What is known of earlier ones.
        vanished: Names in there that are free, since somebody has removed the results.
    """
    naming = _Naming(catalogue, ledger, vanished)
    if next(ledger.keys(), None) is not None:
        naming.recognise()
    catalogue.find_shared()
    naming.part()


class _Naming:
    def __init__(self, catalogue: Catalogue, ledger: Ledger, vanished: Container[str]) -> None:
        self._catalogue, self._ledger, self._vanished = catalogue, ledger, vanished

    def recognise(self) -> None:
        """Give pictures the names that they have, and mark those that would have a name of another."""
        for picture in self._catalogue.of_state(NEW):
            if (key := self._by_source(picture.source)) is not None:
                self._catalogue.name(picture.number, key, KNOWN, picture.source)
            elif (key := self._by_content(picture.path)) is not None:
                self._catalogue.name(picture.number, key, KNOWN, self._ledger.about(key).get("source"))
            elif self._is_in_ledger(picture.stem):
                self._catalogue.name(picture.number, picture.stem, SHARED)

    def part(self) -> None:
        """Give each of those that would share a name one of its own."""
        for picture in self._catalogue.of_state(SHARED):
            self._catalogue.name(picture.number, own_stem(picture.path, self._is_taken), NEW)

    def _by_source(self, source: str) -> str | None:
        key = self._ledger.key_of(source)
        return None if key is None or key in self._vanished else key

    def _by_content(self, path: Path) -> str | None:
        """The name of a picture that was moved since, which is known by its own name and its content."""
        known = {key: self._ledger.about(key) for key in sorted(self._ledger.keys_named(path.name))}
        free = [key for key, about in known.items() if self._is_free(key, about.get("source", ""))]
        found = content_of(path) if free else ""
        return next((key for key in free if found and known[key].get("content") == found), None)

    def _is_free(self, key: str, source: str) -> bool:
        """Whether what is known is of none of the pictures so far."""
        is_known = self._catalogue.has_source(source) or self._catalogue.has_stem(key, (KNOWN,))
        return key not in self._vanished and not is_known

    def _is_in_ledger(self, stem: str) -> bool:
        return any(key not in self._vanished for key in self._ledger.keys_like(stem))

    def _is_taken(self, stem: str) -> bool:
        return self._catalogue.is_taken(stem) or self._is_in_ledger(stem)


def content_of(picture: Path) -> str:
    """What stands for a picture's content; empty if it cannot be read."""
    try:
        return fingerprint(picture) if picture.is_file() else ""
    except OSError:
        return ""
