"""The store of a folder of pictures' results, which several runs and processes may add to."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sav.data.scene import Scene
from sav.errors import ResultsError
from sav.runs.ledger import Ledger
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
        self._about = about
        self._store: Store | None = None

    def keys(self) -> set[str]:
        """The pictures that are known.

        Raises:
            ResultsError: The store is damaged.
        """
        return set(self._opened().keys()) if self.path.exists() else set()

    def holds(self, key: str, content: str) -> bool:
        """Whether a picture of that content was done by a run like this one.

        Raises:
            ResultsError: The store is damaged.
        """
        return self.path.exists() and self._opened().holds(key, content)

    def add(self, key: str, found: Packed, about: Mapping[str, str]) -> bool:
        """Keep what was found in a picture; returns whether that are other objects than were known.

        Raises:
            WriteError: It cannot be written.
        """
        store = self._opened()
        before = store.instances(key)
        store.add(found, key=key, source=about["source"], content=about["content"])
        return before != (found.objects, found.regions)

    def add_all(self, items: Sequence[tuple[str, Packed, Mapping[str, str]]]) -> list[bool]:
        """Keep what was found in several pictures; see `add`."""
        return [self.add(key, found, about) for key, found, about in items]

    def remove(self, key: str) -> None:
        """Forget a picture.

        Raises:
            WriteError: It cannot be written.
        """
        if self.path.exists():
            self._opened().remove(key)

    def scene(self, key: str) -> Scene | None:
        """What is known of a picture; its image is black."""
        return self._opened().scene(key)

    def ordered(self, keys: Collection[str]) -> list[str]:
        """Some pictures in the order of their own names."""
        in_order = self._opened().keys() if keys else []
        return [key for key in in_order if key in keys]

    def scenes(self, keys: Collection[str]) -> Iterator[Scene]:
        """The scenes of some pictures in that order, numbered from 0; their images are black."""
        chosen = (entry.scene for entry in self._opened().entries() if entry.key in keys) if keys else ()
        for index, scene in enumerate(chosen):
            yield replace(scene, frame=replace(scene.frame, index=index))

    def close(self) -> None:
        """Close it; a store without a picture is removed.

        Raises:
            WriteError: It cannot be written.
        """
        store, self._store = self._store, None
        if store is not None:
            is_empty = len(store) == 0
            store.close()
            if is_empty:
                self.path.unlink(missing_ok=True)

    def _opened(self) -> Store:
        if self._store is None:
            with self._explained():
                self._store = Store.join(self.path, self._about)
        return self._store

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except ResultsError as error:
            raise ResultsError(
                f"{error}; without it the results of earlier runs are not joined: move it away"
            ) from error
