"""The store of a folder of pictures' results, which several runs and processes may add to."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sav.data.scene import Scene
from sav.errors import ResultsError
from sav.folder.ledger import Ledger
from sav.runs.report import Found
from sav.store import About, Store
from sav.store.rows import Packed

if TYPE_CHECKING:
    from sav.segmenter import Segmenter


def about_pictures(segmenter: Segmenter) -> About:
    """What a run over pictures is about: the same for two that find the same in a picture."""
    return About(
        categories=dict(segmenter.categories),
        settings=segmenter.settings(for_video=False),
        checkpoints=segmenter.checkpoint_hashes,
    )


_log = logging.getLogger(__name__)


class PictureStore:
    """What is known of the pictures in a folder, by the names of their results; opened when it is needed.

    Attributes:
        path: The file.
    """

    def __init__(self, ledger: Ledger, about: About) -> None:
        """Begin, without touching the disk.

        Args:
            ledger: That of the folder.
            about: What the run is about that adds.
        """
        self.path = ledger.state / "run.sqlite"
        self._ledger, self._about = ledger, about
        self._store: Store | None = None

    def keys(self) -> Iterator[str]:
        """The pictures that are known, sorted; others may be added and removed meanwhile.

        Raises:
            ResultsError: The store is damaged.
        """
        return self._opened().keys() if self._is_there else iter(())

    def __contains__(self, key: str) -> bool:
        """Whether a picture is known."""
        return self._is_there and key in self._opened()

    def holds(self, key: str, content: str) -> bool:
        """Whether a picture of that content was done by a run like this one.

        Raises:
            ResultsError: The store is damaged.
        """
        return self._is_there and self._opened().holds(key, content)

    def add(self, key: str, found: Packed, about: Mapping[str, str]) -> bool:
        """Keep what was found in a picture; see `add_all`."""
        return self.add_all([(key, found, about)])[0]

    def add_all(self, pictures: Sequence[tuple[str, Packed, Mapping[str, str]]]) -> list[bool]:
        """Keep what was found in some pictures, of all or of none.

        Args:
            pictures: Of each its key, what was found in it, and what is remembered of it.

        Returns:
            Of each whether that are other objects than were known.

        Raises:
            WriteError: It cannot be written.
        """
        store = self._opened()
        with store.together():
            return [self._add(store, *picture) for picture in pictures]

    def remove(self, key: str) -> None:
        """Forget a picture.

        Raises:
            WriteError: It cannot be written.
        """
        if self._is_there:
            self._opened().remove(key)

    def found(self, key: str, content: str) -> Found | None:
        """What a picture of that content holds, in numbers; None unless a run like this one has done it.

        Raises:
            ResultsError: The store is damaged.
        """
        tally = self._opened().tally(key, content) if self._is_there else None
        if tally is None:
            return None
        if tally.doubtful is not None:
            return Found(tally.objects, tally.regions, tally.doubtful, tally.duplicates)
        scene = self.scene(key)  # an earlier version of this program stored it
        return None if scene is None else Found().with_scene(scene)

    def made_by(self, key: str) -> About | None:
        """What the run was about that did a picture; None if it is not known."""
        return self._opened().made_by(key) if self.path.exists() else None

    def move_all(self, sources: Mapping[str, str]) -> None:
        """Have pictures lie elsewhere, by their keys.

        Raises:
            WriteError: It cannot be written.
        """
        store = self._opened()
        with store.together():
            for key, source in sources.items():
                store.move(key, source)

    def scene(self, key: str) -> Scene | None:
        """What is known of a picture; its image is black."""
        return self._opened().scene(key)

    def scenes(self, is_wanted: Callable[[str], bool]) -> Iterator[Scene]:
        """The scenes of some pictures in the order of their own names, numbered from 0, with black images.

        Args:
            is_wanted: Which, by the names of their results.
        """
        entries = self._opened().entries(is_wanted) if self._is_there else ()
        return (entry.scene for entry in entries)

    def close(self) -> None:
        """Close it; a store without a picture is removed, unless another process has it open.

        Raises:
            WriteError: It cannot be written.
        """
        store, self._store = self._store, None
        if store is None:
            return
        # Of two that close it at the same moment, neither would be the last.
        with self._ledger.alone():
            is_empty = False
            with contextlib.suppress(ResultsError):  # it is damaged, and stays
                is_empty = len(store) == 0
            if store.close() and is_empty:
                self.path.unlink(missing_ok=True)

    @property
    def _is_there(self) -> bool:
        return self._store is not None or os.path.lexists(self.path)

    def _add(self, store: Store, key: str, found: Packed, about: Mapping[str, str]) -> bool:
        before = store.instances(key)
        store.add(found, key=key, source=about["source"], content=about["content"])
        return before != (found.objects, found.regions)

    def _opened(self) -> Store:
        if self._store is not None and not self._store.is_in_place:
            self._find_again(self._store)
        if self._store is None:
            with self._explained():
                self._store = Store.join(self.path, self._about)
        return self._store

    def _find_again(self, store: Store) -> None:
        """Let go of a store that somebody has removed; it is written anew, unless another is there by now."""
        with self._ledger.alone():
            if not self.path.exists():
                store.write_anew()
                _log.debug("%s was removed while this run had it open: it is written anew", self.path)
            self._store = None
            store.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ResultsError as error:
            raise ResultsError(
                f"{error}; without it the results of earlier runs are not joined: move it away"
            ) from error
