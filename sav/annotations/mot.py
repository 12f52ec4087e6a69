"""MOTChallenge text: one line an object and frame, frames and ids from 1.

Format: https://motchallenge.net/instructions, `frame,id,left,top,width,height,score,-1,-1,-1` in pixels.
Classes and masks have no place in it.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from sav.files import whole_file
from sav.scene import Scene


class MotWriter:
    """Writes one `mot.txt` for a video, the detector's boxes with the tracks' ids."""

    def __init__(self, path: Path) -> None:
        self._stack = ExitStack()
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._stack.enter_context(whole_file(path))
        self._file = self._stack.enter_context(partial.open("w", encoding="ascii", newline="\n"))

    def __enter__(self) -> MotWriter:
        return self

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        boxes = scene.detections.boxes_xyxy
        rows = zip(
            scene.track_ids.tolist(),
            boxes[:, :2].tolist(),
            (boxes[:, 2:] - boxes[:, :2]).tolist(),
            scene.detections.scores.tolist(),
            strict=True,
        )
        for track_id, (left, top), (width, height), score in rows:
            box = f"{left:.2f},{top:.2f},{width:.2f},{height:.2f}"
            self._file.write(f"{scene.frame.index + 1},{track_id},{box},{score:.4f},-1,-1,-1\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
