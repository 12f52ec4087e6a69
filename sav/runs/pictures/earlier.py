"""What earlier runs know of the pictures of this one."""

from __future__ import annotations

from dataclasses import replace

from sav.folder.ledger import Claim
from sav.runs.differences import difference, looks_difference
from sav.runs.pictures.naming import content_of
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.store import PictureStore
from sav.runs.report import Found
from sav.store import About

# Pictures that were moved are noted together, so many at once.
_MOST_MOVED = 1000


class Earlier:
    """Tells what need not be done again, and why something is."""

    def __init__(self, plan: PicturePlan, store: PictureStore, about: About) -> None:
        """Begin, without touching the disk.

        Args:
            plan: The run.
            store: What is known.
            about: What the run is about.
        """
        self._plan, self._store, self._about = plan, store, about
        self._ledger = plan.output.ledger
        self._moved: dict[str, str] = {}

    def known(self, position: int) -> Found | str:
        """What a run like this one has found in a picture, if all its files are there.

        Otherwise why it is done again; empty if it is new.

        Raises:
            ResultsError: The store is damaged.
            WriteError: It cannot be noted that it was moved.
        """
        stem, draw = self._plan.stems[position], self._plan.draw
        claim = self._ledger.claim(stem)
        if not claim.files:
            return ""
        content = content_of(self._plan.pictures[position])
        found = self._store.found(stem, content) if content else None
        if found is None:
            return self._why_again(stem)
        if not self._has_files(claim):
            return "not all results are there"
        looks = claim.about.get("looks", "")
        if "our" in self._plan.drawn and looks != draw.changes:
            return looks_difference(looks, draw.changes)
        self._look_whether_moved(position, stem, claim)
        return found

    def note_moved(self) -> None:
        """Remember where pictures are that were moved.

        Raises:
            WriteError: It cannot be written.
        """
        moved, self._moved = self._moved, {}
        if not moved:
            return
        with self._ledger.locked():
            claims = {stem: self._ledger.claim(stem) for stem in moved}
            abouts = {stem: {**claims[stem].about, "source": source} for stem, source in moved.items()}
            self._ledger.write_all({stem: replace(claims[stem], about=abouts[stem]) for stem in moved})
            self._store.move_all(moved)

    def _look_whether_moved(self, position: int, stem: str, claim: Claim) -> None:
        source = self._plan.stems.known_by(position, "")["source"]
        if claim.about.get("source") != source:
            self._moved[stem] = source
        if len(self._moved) >= _MOST_MOVED:
            self.note_moved()

    def _why_again(self, stem: str) -> str:
        """Why what is known of a picture does not count."""
        before = self._store.made_by(stem)
        if before is None:
            return "what was found is gone"
        is_same = before.to_json() == self._about.to_json()
        return "changed since" if is_same else difference(before, self._about)

    def _has_files(self, claim: Claim) -> bool:
        """Whether all is there that is wanted of a picture."""
        places = self._plan.places
        listed = {place: [path for path in claim.files if path.startswith(place)] for place in places}
        paths = [self._plan.save_dir / path for some in listed.values() for path in some]
        return all(listed.values()) and all(path.exists() for path in paths)
