"""All annotation files of one run: written out of sight, put in place together when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from sav.annotations.formats import writer_class
from sav.annotations.target import Target
from sav.files import publish, staging_folder
from sav.interrupts import uninterrupted
from sav.scene import Scene


class Annotations:
    """The chosen formats' files in one folder, replaced when the `with` block ends, however it ends.

    What has the same name there as a new file or folder goes; all else stays.

    Attributes:
        folder: Where the files go. May be changed, or set to None to have none, until the block ends.
    """

    def __init__(self, names: Sequence[str], target: Target) -> None:
        """Begin files for `target.folder`, whose parent must exist, in the formats `names`.

        Raises:
            ValueError: If a format cannot hold what the run is about.
        """
        self.folder: Path | None = target.folder
        self._stack = ExitStack()
        try:
            self._staging = self._stack.enter_context(staging_folder(target.folder))
            hidden = replace(target, folder=self._staging)
            is_video = target.video is not None
            self._writers = [writer_class(name, is_video)(hidden) for name in names]
        except BaseException:
            self._stack.close()
            raise

    def write(self, scene: Scene) -> None:
        """Add one picture or frame to every file."""
        for writer in self._writers:
            writer.write(scene)

    def __enter__(self) -> Annotations:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with uninterrupted(), self._stack:
            with ExitStack() as closing:
                for writer in self._writers:
                    closing.callback(writer.close)
            if self.folder is not None:
                publish(self._staging, self.folder)
