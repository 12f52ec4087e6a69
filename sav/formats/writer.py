"""What every annotation format is to the rest of the program."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from sav.data.scene import Scene
from sav.formats.target import Target


class AnnotationWriter(ABC):
    """Takes scenes one by one; its files are complete when it is closed.

    Attributes:
        target: Where the files go and what they are about.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._files = ExitStack()

    @abstractmethod
    def write(self, scene: Scene) -> None:
        """Add one picture or frame."""

    def close(self) -> None:
        """Write what is due at the end, and close the files."""
        with self._files:
            self._finish()

    def discard(self) -> None:
        """Let go of the files as they are, which are of no use to anybody after that; raises nothing."""
        with contextlib.suppress(Exception):
            self._files.close()

    def _finish(self) -> None:  # noqa: B027 (most formats have nothing due)
        """Write what is due at the end."""

    def _text_file(self, name: str) -> TextIO:
        """A new text file in the target's folder, the same bytes on every system, closed with the writer."""
        path = self._path(name)
        return self._files.enter_context(path.open("w", encoding="utf-8", newline="\n"))

    def _path(self, name: str) -> Path:
        """A path in the target's folder, whose own folder is there."""
        path = self.target.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
