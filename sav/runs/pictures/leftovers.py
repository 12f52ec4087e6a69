"""What earlier runs left in a folder of pictures' results, and what becomes of it where a new run differs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from pathlib import Path

from sav.errors import ResultsError
from sav.folder.ledger import RUN
from sav.formats.registry import FORMATS, PLACES
from sav.runs.pictures.plan import ANNOTATIONS, PicturePlan, joined_files
from sav.runs.pictures.store import PictureStore
from sav.runs.saving import older_line
from sav.wording import Names, count


class Leftovers:
    """Knows results of detectors with other classes, and of formats that this run does not write.

    Files that belong together, those of one format and picture, go together: where one was changed by hand,
    all of them stay.
    """

    def __init__(self, plan: PicturePlan, classes: str, store: PictureStore) -> None:
        """Begin.

        Args:
            plan: The run.
            classes: What stands for the classes of its detector in the ledger.
            store: What is known of the pictures.
        """
        self._plan, self._classes, self._store = plan, classes, store
        self._output, self._ledger = plan.output, plan.output.ledger
        self._removed, self._is_changed = 0, False
        self._older: set[str] = set()

    def check(self) -> None:
        """See that the results of two detectors are not mixed.

        Raises:
            ResultsError: They would be, or what is known cannot be read.
        """
        next(self._store.keys(), None)
        self.check_strangers()
        # Labels that stay would have numbers of classes that there are not any more.
        numbered = {name for name in self._plan.formats if FORMATS[name].each and FORMATS[name].common}
        for key in self._strangers():
            if self._output.overwrite and key in self._plan.stems:
                continue
            for path in self._changed_by_hand(key):
                if _format_of(path) in numbered:
                    raise ResultsError(
                        f"{self._place(path)} was changed by hand, and is of a detector with other classes:"
                        " give another folder, or move it away"
                    )

    def check_strangers(self) -> None:
        """See that no other picture has results of a detector with other classes.

        Raises:
            ResultsError: One has, and is not to be overwritten.
        """
        if self._output.overwrite:
            return
        for key in self._strangers():
            if key not in self._plan.stems:
                raise ResultsError(
                    f"{self._plan.save_dir} has results of a detector with other classes, of"
                    f" {self._ledger.about(key).get('name')} for one: give another folder, or"
                    " remove their annotations with --overwrite"
                )

    def outdated(self, key: str) -> Callable[[str], bool] | None:
        """Which files of a picture go when it is done again, in formats that are not written again."""
        if not self._has_other_classes(key):
            return None
        return self._outdated(key, self._plan.formats)

    def remove(self, key: str, is_outdated: Callable[[str], bool]) -> None:
        """Remove those files that tell of `key` and are outdated.

        Raises:
            WriteError: One cannot be removed.
        """
        self._removed += self._output.remove(key, is_outdated)

    def without_corrected(self, key: str) -> Callable[[str], bool]:
        """Which files of a picture go with it: but in formats of which one was changed by hand, for the
        others there (the picture beside a label) belong to that one."""
        stay = {*map(_format_of, self._changed_by_hand(key))} - {""}
        return lambda path: _format_of(path) not in stay

    def remove_strangers(self) -> None:
        """Remove what tells of other classes.

        Raises:
            WriteError: A file cannot be removed.
        """
        for key in self._strangers():
            self.remove(key, self._outdated(key))
            self._store.remove(key)
        if self._has_other_classes(RUN):
            used = set(self._plan.formats)
            for key in self._ledger.keys():  # noqa: SIM118
                used |= self._formats_of(key)
            self.remove(RUN, self._outdated(RUN, used))

    def lost_line(self) -> str:
        """What is to be said of pictures with results whose scenes are gone; empty if of none."""
        untold = _missing(self._ledger.keys(), self._store.keys())
        lost = (key for key in untold if not self._has_other_classes(key) and self._ledger.has_files(key))
        names = Names(self._ledger.about(key).get("name") for key in lost)
        if not names:
            return ""
        them = "it" if len(names) == 1 else "them"
        return f"cannot tell of {names}: what was found in {them} is gone; segment {them} again"

    def changed(self, key: str) -> None:
        """Take note that something else was found in a picture than was known."""
        self._is_changed = True
        if not self._unwritten <= self._older:
            self._older |= self._formats_of(key)

    def notes(self) -> list[str]:
        """What is to be said at the end of a run of the files of others."""
        notes = []
        if self._removed:
            notes.append(
                f"removed: {count(self._removed, 'annotation file')} of a detector with other classes; what"
                " was changed by hand stays, with what belongs to it"
            )
        if self._is_changed:
            of_all = self._formats_of(RUN, joined_files(self._plan.save_dir))
            older = sorted((self._older | of_all) - {"", *self._plan.formats})
            notes += [older_line(older, self._plan.save_dir / ANNOTATIONS)] if older else []
        return notes

    @cached_property
    def _unwritten(self) -> set[str]:
        """The formats that have files or folders here, and are not written."""
        folder = self._plan.save_dir / ANNOTATIONS
        there = {PLACES[name] for name in PLACES if os.path.lexists(folder / name)}
        return there.difference(self._plan.formats)

    def _strangers(self) -> Iterator[str]:
        """The pictures that a detector with other classes saw."""
        for key in self._ledger.keys_besides(self._classes):
            if key in self._store and not self._plan.stems.has_vanished(key):
                yield key

    def _has_other_classes(self, key: str) -> bool:
        return self._ledger.about(key).get("classes", self._classes) != self._classes

    def _outdated(self, key: str, besides: Iterable[str] = ()) -> Callable[[str], bool]:
        """Which annotations tell of other classes, besides those of some formats."""
        by_hand = [path for one in (key, RUN) for path in self._changed_by_hand(one)]
        stay = {*map(_format_of, by_hand), *besides}
        return lambda path: path.startswith(f"{ANNOTATIONS}/") and _format_of(path) not in stay

    def _changed_by_hand(self, key: str) -> list[str]:
        return [path for path in self._ledger.claim(key).files if self._output.was_changed(path)]

    def _formats_of(self, key: str, among: Collection[Path] | None = None) -> set[str]:
        """The formats of the files that are there and tell of a key; with `among`, of those alone."""
        paths = [path for path in self._ledger.claim(key).files if os.path.lexists(self._place(path))]
        return {_format_of(path) for path in paths if among is None or self._place(path) in among}

    def _place(self, path: str) -> Path:
        return self._plan.save_dir / path


def _missing(keys: Iterable[str], others: Iterable[str]) -> Iterator[str]:
    """Those of some sorted keys that are not among others, sorted as well."""
    rest = iter(others)
    other = next(rest, None)
    for key in keys:
        while other is not None and other < key:
            other = next(rest, None)
        if key != other:
            yield key


def _format_of(path: str) -> str:
    """The format of a file by its path from the output folder; empty if it is of none."""
    folder, _, place = path.partition("/")
    return PLACES.get(place.partition("/")[0], "") if folder == ANNOTATIONS else ""
