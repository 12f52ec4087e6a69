"""Several formats written at once, out of sight: one that fails costs itself alone."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from sav.data.scene import Scene
from sav.errors import ResultsError, SavError, SettingError, WriteError
from sav.files import named_errors, staging_folder
from sav.folder.ledger import RUN
from sav.folder.output import OutputFolder
from sav.formats.registry import FORMATS, PLACES, writer_class
from sav.formats.target import Target
from sav.formats.writer import AnnotationWriter
from sav.interrupts import uninterrupted
from sav.runs.kept import kept_lines

_log = logging.getLogger(__name__)

# Bytes of the disk that are held back for the end of a run.
_RESERVE = 4 << 20


class Writers:
    """The chosen formats' files, in a hidden folder until somebody puts them in place.

    Attributes:
        names: The formats that did not fail so far.
    """

    def __init__(
        self,
        names: Sequence[str],
        target: Target,
        staging: Path,
        tell: Callable[[str], None] = _log.error,
    ) -> None:
        """Begin.

        Args:
            names: The formats.
            target: What the files are about, and the folder that they are meant for.
            staging: The hidden folder where they are written.
            tell: Is called with a line about each format that fails.

        Raises:
            SettingError: If a format cannot hold what the run is about.
        """
        self._target, self._staging, self._tell = target, staging, tell
        self._writers: dict[str, AnnotationWriter] = {}
        self._places = {name: target.folder / _main_place(name) for name in names}
        hidden = replace(target, folder=staging)
        for name in names:
            try:
                with named_errors(self._places[name]):
                    self._writers[name] = writer_class(name, target.video is not None)(hidden)
            except SettingError:
                self.discard()
                raise
            except Exception as error:
                self._give_up(name, error)

    @property
    def names(self) -> list[str]:
        """The formats that did not fail so far."""
        return list(self._writers)

    def write(self, scene: Scene) -> None:
        """Add one picture or frame to every format.

        Raises:
            WriteError: The disk is full, and no format has a use for more.
        """
        full: WriteError | None = None
        for name, writer in list(self._writers.items()):
            try:
                with named_errors(self._places[name]):
                    writer.write(scene)
            except Exception as error:
                if full is None and isinstance(error, WriteError) and error.is_final:
                    full = error
                    self._drop(name)
                else:
                    self._give_up(name, error)
        if full is not None:  # only now, so that all others tell of the same scenes
            raise full

    def close(self) -> None:
        """Write what is due at the end; what is then left in the hidden folder is whole."""
        for name, writer in list(self._writers.items()):
            try:
                with named_errors(self._places[name]):
                    writer.close()
            except Exception as error:
                self._give_up(name, error)

    def discard(self) -> None:
        """Let go of all files; none is of any use after that."""
        for name in self.names:
            self._drop(name)

    def _give_up(self, name: str, error: Exception) -> None:
        self._drop(name)
        _log.debug("%s failed", name, exc_info=error)
        self._tell(f"{name} is left out: {reason(error)}")

    def _drop(self, name: str) -> None:
        """Close a writer for good, and remove what it has written."""
        writer = self._writers.pop(name, None)
        if writer is not None:
            writer.discard()
        for place in FORMATS[name].places:
            path = self._staging / place
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _main_place(name: str) -> str:
    """What to call a format's files when they cannot be written."""
    format_ = FORMATS[name]
    return format_.common[0] if len(format_.common) == 1 and not format_.each else min(format_.places)


class Annotations:
    """The chosen formats' files of one run in one folder, put in place when the `with` block ends.

    They are put in place however the block ends. What an earlier run wrote in these formats goes.

    Attributes:
        output: Where the files go. May be changed, or set to None to have none, until the block ends.
        is_whole: Whether all that was to be written is.
        older: Formats of earlier runs that this one does not write, and that stay as they are.
    """

    def __init__(
        self,
        names: Sequence[str],
        target: Target,
        tell: Callable[[str], None] = _log.error,
        overwrite: bool = False,
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Begin files for `target.folder`, whose parent must exist, in the formats `names`.

        Args:
            names: The formats.
            target: What the files are about, and where they go.
            tell: Is called with a line about whatever cannot be written.
            overwrite: Replace also files that are not ours.
            about: What is to be remembered of them, too.

        Raises:
            SettingError: If a format cannot hold what the run is about.
            OSError: If there is no folder for hidden files.
        """
        self.output: OutputFolder | None = OutputFolder(target.folder, overwrite)
        self.is_whole = True
        self.older: list[str] = []
        self._names, self._about = names, about or {}
        self._tell_user = tell
        with ExitStack() as stack:
            self._staging = stack.enter_context(staging_folder(target.folder))
            self._reserve = self._staging / ".reserve"
            with contextlib.suppress(OSError):
                self._reserve.write_bytes(bytes(_RESERVE))
            self._writers = Writers(names, target, self._staging, self._tell)
            stack.callback(self._writers.discard)
            self._stack = stack.pop_all()

    def write(self, scene: Scene) -> None:
        """Add one picture or frame to every file.

        Raises:
            WriteError: The disk is full.
        """
        self._writers.write(scene)

    def make_room(self) -> None:
        """Free what was held back of the disk, so that one that is full has room for the ends of files."""
        self._reserve.unlink(missing_ok=True)

    def __enter__(self) -> Annotations:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with uninterrupted(), self._stack:
            self.make_room()
            self._writers.close()
            if self.output is not None:
                self._put(self.output)

    def _put(self, output: OutputFolder) -> None:
        places = {place for name in self._writers.names for place in FORMATS[name].places}
        try:
            about = {**output.ledger.about(RUN), **self._about}
            kept = output.put(self._staging, RUN, lambda path: path.partition("/")[0] in places, about)
        except (WriteError, ResultsError) as error:
            self._tell(str(error))
            return
        for line in kept_lines(kept, output):
            self._tell(line)
        files = [path for path in output.ledger.claim(RUN).files if os.path.lexists(output.folder / path)]
        self.older = sorted({PLACES.get(path.partition("/")[0], "") for path in files} - {"", *self._names})

    def _tell(self, line: str) -> None:
        self.is_whole = False
        self._tell_user(line)


def older_line(formats: Sequence[str], folder: Path) -> str:
    """What is to be said of formats in a folder of annotations that tell of earlier runs alone."""
    stay, them = ("stays", "it") if len(formats) == 1 else ("stay", "them")
    return (
        f"{', '.join(formats)} in {folder} {stay} as an earlier run left {them}: name {them} in --save, too,"
        f" to have {them} tell of this one, or remove {them}"
    )


def reason(error: Exception) -> str:
    """What went wrong, in a line; of what nobody foresaw with its kind."""
    is_foreseen = isinstance(error, SavError | OSError | ValueError | MemoryError) and str(error)
    return " ".join((str(error) if is_foreseen else f"{type(error).__name__}: {error}").split())
