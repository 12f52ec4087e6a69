"""Pictures of earlier runs that are no longer at their place, of which the data set tells all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sav.runs.pictures.leftovers import Leftovers
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.store import PictureStore
from sav.wording import Names, count


class Gone:
    """Tells of them, or takes them out where that is asked for."""

    def __init__(self, plan: PicturePlan, store: PictureStore, leftovers: Leftovers) -> None:
        """Begin, without touching the disk."""
        self._plan, self._store, self._leftovers = plan, store, leftovers
        self._ledger = plan.output.ledger

    def settle(self) -> str:
        """Take out what is gone, if that is asked for; returns what is to be said of it, if anything is.

        The ledger must be locked.

        Raises:
            ResultsError: The store is damaged.
            WriteError: Something cannot be removed.
        """
        names, unsure = Names(), Names()
        for key, source in self._found():
            if not self._plan.drop_gone:
                names.add(source)
            elif os.path.isdir(os.path.dirname(source)):  # noqa: PTH112, PTH120 -- a million of them, perhaps
                names.add(source)
                self._drop(key)
            else:
                unsure.add(source)
        return "; ".join(filter(None, [self._gone_line(names), _unsure_line(unsure)]))

    def _gone_line(self, names: Names) -> str:
        if not names:
            return ""
        are, their, them = ("is", "its", "it") if len(names) == 1 else ("are", "their", "them")
        gone = f"{count(len(names), 'picture')} of earlier runs {are} no longer at {their} place ({names})"
        if self._plan.drop_gone:
            stays = "what was changed by hand stays, with what belongs to it"
            return f"{gone}: taken out, with the results; {stays}"
        return f"{gone}: the data set still tells of {them}; --drop_gone takes {them} out, with the results"

    def _found(self) -> Iterator[tuple[str, str]]:
        """The keys of pictures that are gone, and where they were."""
        for key in self._ledger.keys():  # noqa: SIM118
            source = self._ledger.about(key).get("source")
            place = f"{self._plan.save_dir}/{source}"
            if source is not None and _is_gone(place) and key in self._store:
                yield key, os.path.normpath(place)

    def _drop(self, key: str) -> None:
        """Forget a picture; files that were changed by hand stay, and are the user's from now on."""
        self._leftovers.changed(key)
        self._plan.output.remove(key, self._leftovers.without_corrected(key))
        self._store.remove(key)
        self._ledger.drop(key)


def _unsure_line(names: Names) -> str:
    """What is said of pictures whose whole folders are not there; empty if there are none."""
    if not names:
        return ""
    is_one = len(names) == 1
    stay, their, them = ("stays", "its", "it") if is_one else ("stay", "their", "them")
    return (
        f"{count(len(names), 'picture')} of earlier runs ({names}) {stay}, since {their} whole folder is not"
        f" there: where no disk is missing, make an empty folder in {their} place to have {them} taken out"
    )


def _is_gone(place: str) -> bool:
    """Whether nothing is at a path; where a disk fails, or a folder may not be read, nobody knows."""
    try:
        os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
