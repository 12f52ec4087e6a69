"""Putting the files of several pictures in place together, with what was found in them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from sav.errors import WriteError
from sav.folder.output import OutputFolder, Part
from sav.folder.placing import clear
from sav.runs.pictures.files import Made
from sav.runs.pictures.leftovers import Leftovers
from sav.runs.pictures.store import PictureStore


@dataclass(frozen=True, eq=False)
class Ready:
    """A picture whose files are made.

    Attributes:
        position: Its place among the pictures of the run.
        stem: What its results are called.
        folder: Where they lie until they are put in place; it goes then.
        made: What they are.
        is_synced: Whether they are on the disk.
    """

    position: int
    stem: str
    folder: Path
    made: Made
    is_synced: bool = False


class PicturePutting:
    """Lists files, keeps scenes, gives files their names, in this order.

    Attributes:
        is_anything_in_place: Whether any file is.
    """

    def __init__(
        self,
        output: OutputFolder,
        store: PictureStore,
        leftovers: Leftovers,
        abouts: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Begin.

        Args:
            output: Where they go.
            store: Where the scenes are kept.
            leftovers: Knows what there was before.
            abouts: What is remembered of each picture besides its content, by its stem.
        """
        self.is_anything_in_place = False
        self._output, self._store, self._leftovers, self._abouts = output, store, leftovers, abouts

    def put_all(self, ready: Sequence[Ready]) -> list[list[Path] | WriteError]:
        """Put files in place.

        Returns:
            For each picture the files that were in the way, and were left out; or what kept one of its files
            from being put in place.

        Raises:
            WriteError: None of them can be put in place.
        """
        kept_scenes: list[str] = []
        are_other: list[bool] = []

        def keep_scenes() -> None:
            items = [(one.stem, one.made.rows, abouts[one.stem]) for one in ready]
            are_other.extend(self._store.add_all(items))
            kept_scenes.extend(abouts)

        abouts = {one.stem: {**self._abouts[one.stem], "content": one.made.content} for one in ready}
        outdated = {one.stem: self._leftovers.outdated(one.stem) for one in ready}
        try:
            parts = [_part(one, abouts[one.stem]) for one in ready]
            outcomes = self._output.put_all(parts, on_listed=keep_scenes)
        except BaseException:
            self._take_back(kept_scenes)
            raise
        finally:
            for one in ready:
                clear(one.folder, one.made.prints)
        outcomes = [
            self._without(one.stem, outdated[one.stem], outcome)
            for one, outcome in zip(ready, outcomes, strict=True)
        ]
        for stem in compress(abouts, are_other):
            self._leftovers.changed(stem)
        failed = [isinstance(outcome, WriteError) for outcome in outcomes]
        self._take_back(list(compress(abouts, failed)))
        self.is_anything_in_place |= not all(failed)
        return outcomes

    def _without(
        self, stem: str, is_outdated: Callable[[str], bool] | None, outcome: list[Path] | WriteError
    ) -> list[Path] | WriteError:
        """Have outdated files of a picture go once it is in place."""
        if is_outdated is not None and not isinstance(outcome, WriteError):
            try:
                self._leftovers.remove(stem, is_outdated)
            except WriteError as error:
                return error
        return outcome

    def _take_back(self, stems: Sequence[str]) -> None:
        """Have the store tell of no picture that has no files."""
        for stem in stems:
            if self._output.ledger.has_files(stem):
                self.is_anything_in_place = True
            else:
                with contextlib.suppress(WriteError):  # then it stays, and nothing tells of it
                    self._store.remove(stem)


def _part(one: Ready, about: Mapping[str, str]) -> Part:
    def is_again(path: str) -> bool:
        return path.startswith(places)

    places = tuple(one.made.places)
    return Part(one.folder, one.stem, is_again, about, one.made.prints, one.is_synced)
