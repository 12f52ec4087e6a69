"""What a run over pictures leaves on disk: each picture's own files, and those that tell of all pictures.

A second run into the same folder joins its results to those of the first. Each picture's scene is kept
beside the files, without its pixels, and what tells of all pictures is written anew out of all scenes. A
picture that is done again replaces what there was of it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sav.errors import WriteError
from sav.files import named_errors, staging_folder
from sav.folder.ledger import RUN, STATE
from sav.formats.registry import FORMATS
from sav.media.pictures.paths import PathList
from sav.runs.kept import kept_lines
from sav.runs.pictures.earlier import Earlier
from sav.runs.pictures.files import Made, PictureFiles
from sav.runs.pictures.gone import Gone
from sav.runs.pictures.joining import PictureJoining
from sav.runs.pictures.leftovers import Leftovers
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.putting import PicturePutting, Ready
from sav.runs.pictures.store import PictureStore
from sav.runs.report import Found
from sav.store import About

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """A picture whose files are being made.

    Attributes:
        position: Its place among the pictures of the run.
        stem: What its results are called.
        folder: Where they are made.
    """

    position: int
    stem: str
    folder: Path


class PictureResults:
    """Writes the results of one run.

    Attributes:
        is_whole: Whether all that was to be written so far is.
        is_anything_in_place: Whether there are any results of this run's pictures.
        taken_over: Pictures that an earlier run has done, and this one need not.
        earlier: Tells which those are.
        files: Makes those of a picture.
    """

    def __init__(
        self,
        plan: PicturePlan,
        about: About,
        tell: Callable[[str], None] = _log.error,
        note: Callable[[str], None] = _log.info,
    ) -> None:
        """Begin, without touching the disk.

        Args:
            plan: What is written, and where.
            about: What the run is about.
            tell: Is called with a line about whatever cannot be written.
            note: Is called with a line about what becomes of other results.

        Raises:
            ResultsError: The folder has results of a detector with other classes, and not all of them are
                pictures of this run, or some were changed by hand.
        """
        self.is_whole = not plan.kept
        self.is_anything_in_place = False
        self.taken_over = 0
        self._plan, self._categories = plan, dict(about.categories)
        self._tell_user, self._note = tell, note
        self._output, self._ledger = plan.output, plan.output.ledger
        self._state = plan.save_dir / STATE
        self.files = PictureFiles.of(plan)
        self._has_begun = False
        self._is_new = not plan.save_dir.exists()
        table = json.dumps(list(self._categories.items()))
        self._classes = hashlib.blake2b(table.encode(), digest_size=16).hexdigest()
        self._reserved: dict[str, dict[str, str]] = {}  # what is remembered of those on their way
        self._looks = plan.draw.changes
        self._workshop: Path | None = None
        self.files.check(self._categories)
        self._store = PictureStore(self._ledger, about)
        self.earlier = Earlier(plan, self._store, about)
        self._leftovers = Leftovers(plan, self._classes, self._store)
        self._joining = PictureJoining(plan, self._categories, self._classes, self._store, self._leftovers)
        self._leftovers.check()
        self._gone = Gone(plan, self._store, self._leftovers)
        self._kept = PathList()
        self._putting = PicturePutting(self._output, self._store, self._leftovers, self._reserved)

    def known(self, position: int) -> Found | str:
        """What an earlier run has found in a picture, or why it is done again; see `Earlier.known`."""
        known = self.earlier.known(position)
        if isinstance(known, Found):
            self.taken_over += 1
            self.is_anything_in_place = True
        return known

    def begin(self, position: int, workshop: Path) -> Begun:
        """Lend a name and an empty folder for a picture's files, until they are complete, or dropped.

        Raises:
            WriteError: The disk is full.
        """
        (stem,) = self.reserve([position])
        begun = Begun(position, stem, workshop / str(position))
        try:
            with named_errors(begun.folder):
                begun.folder.mkdir()
        except BaseException:
            self.drop(begun)
            raise
        return begun

    def complete(self, begun: Begun, make: Callable[[], Made]) -> Ready:
        """Have the files be made, or be taken from where they are; if that fails nothing of them stays."""
        try:
            made = make()
            with named_errors(begun.folder):
                begun.folder.stat()  # it may be gone by now, see `explained`
        except BaseException:
            self.drop(begun)
            raise
        return Ready(begun.position, begun.stem, begun.folder, made)

    def drop(self, begun: Begun) -> None:
        """Have nothing stay of files that are not made."""
        shutil.rmtree(begun.folder, ignore_errors=True)
        self.release([begun.stem])

    def reserve(self, positions: Sequence[int]) -> list[str]:
        """Names for pictures' results, which nobody else uses until they are put there, or released.

        Raises:
            WriteError: It cannot be noted whose they are.
        """
        abouts = [self._about(position) for position in positions]
        with self._ledger.locked():
            stems = self._plan.stems.reserve(positions, abouts)
        self._reserved.update(zip(stems, abouts, strict=True))
        return stems

    def release(self, stems: Sequence[str]) -> None:
        """Give names back under which nothing came."""
        for stem in stems:
            self._reserved.pop(stem, None)
        if stems:
            with self._ledger.locked():
                self._plan.stems.release(stems)

    @contextlib.contextmanager
    def workshop(self) -> Iterator[Path]:
        """Lend a folder on the disk of the results where others can make files; it goes with the block.

        Raises:
            WriteError: There is no room for one.
        """
        with named_errors(self._state):
            self._state.mkdir(parents=True, exist_ok=True)
            with staging_folder(self._state / "workers") as staging:
                self._workshop = staging
                yield staging

    def explained(self, error: Exception) -> Exception:
        """A failure as it is to be told: once somebody has removed the workshop, nothing else can be made."""
        if not isinstance(error, OSError) or self._is_workshop_there:
            return error
        said = "it was removed while this run was at work (go on with --resume)"
        return WriteError(self._state, OSError(errno.ESTALE, said))

    def put_all(self, some: Sequence[Ready]) -> list[bool | WriteError]:
        """Put the files of some pictures in place, together.

        Returns:
            For each picture whether there were any files; or what kept them from being put in place: the name
            is then free again, if none of them was.

        Raises:
            WriteError: None of them can be put in place; all names are free again.
        """
        ready = [one for one in some if one.made.places]
        outcomes: dict[str, bool | WriteError] = {one.stem: False for one in some}
        try:
            with self._ledger.locked():
                self._begin()
                for one, kept in zip(ready, self._putting.put_all(ready), strict=True):
                    outcomes[one.stem] = kept if isinstance(kept, WriteError) else True
                    self._kept.extend(() if isinstance(kept, WriteError) else kept)
        finally:
            self._plan.stems.filled(stem for stem, outcome in outcomes.items() if outcome is True)
            self.release([stem for stem, outcome in outcomes.items() if outcome is not True])
            for one in some:
                self._reserved.pop(one.stem, None)
            self.is_anything_in_place |= self._putting.is_anything_in_place
        return list(outcomes.values())

    def finish(self) -> None:
        """Write what tells of all pictures, of this run and those before, if any picture of this one is done.

        What cannot be written stays as it was.
        """
        if self.is_anything_in_place:
            try:
                with self._ledger.locked():
                    if line := self._gone.settle():
                        self._note(line)
                    self._kept.extend(self._joining.write(self.tell))
                    for line in self._leftovers.notes():
                        self._note(line)
            except (OSError, ValueError) as error:
                self.tell(f"what tells of all pictures stays as it was: {error}")
        self._output.settle()
        self._tell_kept()
        with contextlib.suppress(WriteError):  # what was added is there all the same
            self._store.close()
        with contextlib.suppress(WriteError):
            self._ledger.close()
        if self._is_new:
            with contextlib.suppress(OSError):  # it is not empty
                self._plan.save_dir.rmdir()

    @property
    def _is_workshop_there(self) -> bool:
        return self._workshop is None or self._workshop.exists()

    def _about(self, position: int) -> dict[str, str]:
        """What is remembered of a picture, whose content nobody has looked at yet."""
        known = self._plan.stems.known_by(position, "")
        return {**known, "classes": self._classes, "looks": self._looks}

    def _begin(self) -> None:
        """Before the first picture: forget what somebody has removed, and say what holds for all pictures."""
        if self._has_begun:
            return
        names = [name for name in self._plan.formats if FORMATS[name].each]
        with self._ledger.locked(), staging_folder(self._state / "run") as staging:
            for key in self._plan.stems.vanished:
                if self._plan.stems.has_vanished(key):  # another process may have done its picture again
                    self._ledger.drop(key)
                    self._store.remove(key)
            self.files.write_formats(names, [], self._categories, staging, self.tell)
            self._kept.extend(self._output.put(staging, RUN))
        self._has_begun = True

    def _tell_kept(self) -> None:
        """Say which files of the user's were in the way, but for those that the plan has told of."""
        new = (path for path in self._kept if path not in self._plan.kept)
        for line in kept_lines(new, self._output):
            self.tell(line)

    def tell_of_files(self, line: str) -> None:
        """Say what cannot be made, unless nothing can be, which is said once."""
        if self._is_workshop_there:
            self.tell(line)

    def tell(self, line: str) -> None:
        """Say that something cannot be written: the results are not whole."""
        self.is_whole = False
        self._tell_user(line)
