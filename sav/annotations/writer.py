"""What every annotation format is to the rest of the program."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from sav.scene import Scene


class AnnotationWriter(Protocol):
    """Takes scenes one by one; its files appear, whole, when it is closed.

    Used in a `with` statement. Leaving it by an exception closes it too: what was written so far is not lost.
    """

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""

    def __enter__(self) -> AnnotationWriter: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
