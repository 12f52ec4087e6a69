"""What the masks of tracks were, moved along with their boxes: compared where boxes alone tell too little."""

from __future__ import annotations

import numpy as np

from sav.data.shapes import BYTES, Shapes, shape_ious
from sav.data.types import BoolArray, Detections, Indices
from sav.trackers.association import box_iou
from sav.trackers.kalman import Array


class MaskCue:
    """The last known mask of each track, which lies on its box as it did then, wherever that has gone.

    Of somebody behind somebody else it is the part that can be seen, so two are told apart whose boxes are
    nearly the same. That masks tell more than boxes where people overlap is what McByte builds on (Stanczyk
    and Bremond 2025, arXiv 2506.01373), which has them followed by a network of their own; here the boxes'
    filter moves them.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._shapes: Shapes = np.zeros((0, BYTES), np.uint8)
        self._boxes: Array = np.zeros((0, 4))

    def expect(self, boxes_xyxy: Array) -> None:
        """Say where the box of each track, `(N, 4)` corners, is expected in the frame that comes."""
        self._boxes = boxes_xyxy

    def similarity(self, rows: Indices, detections: Detections, chosen: Indices) -> Array:
        """Return the IoU of the masks of the tracks in `rows` `(n,)` and the `chosen` `(m,)` detections.

        Returns:
            `(n, m)`, 0 to 1; NaN where one of the two is not known.
        """
        boxes, seen = self._boxes[rows], detections.boxes_xyxy[chosen].astype(np.float64)
        ours, theirs = self._shapes[rows], _shapes_of(detections, chosen)
        known = np.logical_and.outer(ours.any(1), theirs.any(1))
        ious = np.where(known, 0.0, np.nan)
        i, j = (known & (box_iou(boxes, seen) > 0)).nonzero()
        ious[i, j] = shape_ious(ours[i], boxes[i], theirs[j], seen[j])
        return ious

    def observe(self, rows: Indices, detections: Detections, chosen: Indices) -> None:
        """Learn that the tracks in `rows` `(k,)` were seen as the `chosen` `(k,)` detections."""
        seen = _shapes_of(detections, chosen)
        known = seen.any(1)
        self._shapes[rows[known]] = seen[known]

    def start(self, detections: Detections, chosen: Indices) -> None:
        """Add a track for each of the `chosen` `(k,)` detections."""
        self._shapes = np.concatenate([self._shapes, _shapes_of(detections, chosen)])

    def keep(self, kept: BoolArray) -> None:
        """Forget every track that is not `kept`, a mask over the rows."""
        self._shapes = self._shapes[kept]


def _shapes_of(detections: Detections, chosen: Indices) -> Shapes:
    """The masks of some detections, `(k, BYTES)`; none is known where nobody asked, or on another grid."""
    shapes = detections.shapes[chosen]
    return shapes if shapes.shape[1] == BYTES else np.zeros((len(chosen), BYTES), np.uint8)
