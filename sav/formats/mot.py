"""MOTChallenge text: one line an object and frame, frames and ids from 1.

Format: https://motchallenge.net/instructions, `frame,id,left,top,width,height,score,-1,-1,-1` in pixels.
Classes and masks have no place in it.
"""

from __future__ import annotations

from sav.data.scene import Scene
from sav.formats.boxes import corner_and_size, solid_boxes
from sav.formats.target import Target
from sav.formats.writer import AnnotationWriter


class MotWriter(AnnotationWriter):
    """Writes `mot.txt` for a video, the detector's boxes with the tracks' ids."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._file = self._text_file("mot.txt")

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        boxes = corner_and_size(solid_boxes(scene.boxes_xyxy, scene.size_hw))
        rows = zip(
            scene.track_ids.tolist(),
            boxes,
            scene.scores.tolist(),
            strict=True,
        )
        for track_id, (left, top, width, height), score in rows:
            box = f"{left:.2f},{top:.2f},{width:.2f},{height:.2f}"
            self._file.write(f"{scene.frame.index + 1},{track_id},{box},{score:.4f},-1,-1,-1\n")
