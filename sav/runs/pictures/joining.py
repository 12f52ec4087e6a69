"""The files that tell of all pictures in a folder, written anew out of all scenes at the end of each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sav.files import staging_folder
from sav.folder.ledger import RUN, STATE
from sav.formats.registry import FORMATS
from sav.runs.pictures.files import PictureFiles
from sav.runs.pictures.leftovers import Leftovers
from sav.runs.pictures.plan import PicturePlan
from sav.runs.pictures.store import PictureStore


class PictureJoining:
    """Has what tells of all pictures tell of those of this run, too."""

    def __init__(
        self,
        plan: PicturePlan,
        categories: Mapping[int, str],
        classes: str,
        store: PictureStore,
        leftovers: Leftovers,
    ) -> None:
        """Begin, without touching the disk.

        Args:
            plan: The run.
            categories: Every class that its detector knows.
            classes: What stands for them in the ledger.
            store: What is known of the pictures.
            leftovers: What earlier runs left.
        """
        self._categories, self._classes = categories, classes
        self._store, self._leftovers = store, leftovers
        self._output, self._state = plan.output, plan.save_dir / STATE
        self._files = PictureFiles.of(plan)
        self._names = [name for name in plan.formats if not FORMATS[name].each]

    def write(self, tell: Callable[[str], None]) -> list[Path]:
        """Write the formats that tell of all pictures in one file. The ledger must be locked.

        Args:
            tell: Is called with a line about what cannot be told of, or written.

        Returns:
            Files that were in the way, and stay as they are.

        Raises:
            ResultsError: There are results of other classes, or what is known cannot be read.
            WriteError: It cannot be written.
        """
        self._leftovers.check_strangers()
        self._leftovers.remove_strangers()
        if self._names and (lost := self._leftovers.lost_line()):
            tell(f"{', '.join(self._names)} {lost}")

        with staging_folder(self._state / "run") as staging:
            scenes = self._store.scenes(self._output.ledger.__contains__)
            self._files.write_formats(self._names, scenes, self._categories, staging, tell)
            return self._output.put(staging, RUN, about={"classes": self._classes})
