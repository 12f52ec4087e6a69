"""What can tell, beside overlap, whether a detection is a track's object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sav.data.types import BoolArray, Detections, Indices
from sav.trackers.kalman import Array

# Gives the detections of the frame with the masks of those at the `(k,)` positions that it is called with.
Ask = Callable[[Indices], Detections]


class Cue(Protocol):
    """What is remembered of each track, a row each in the order of the tracker's table, and compared."""

    def similarity(self, rows: Indices, detections: Detections, chosen: Indices) -> Array:
        """Return how alike the tracks in `rows` `(n,)` and the `chosen` `(m,)` detections are.

        Returns:
            `(n, m)`, 0 to 1; NaN where nothing is known.
        """

    def observe(self, rows: Indices, detections: Detections, chosen: Indices) -> None:
        """Learn that the tracks in `rows` `(k,)` were seen as the `chosen` `(k,)` detections."""

    def start(self, detections: Detections, chosen: Indices) -> None:
        """Add a track for each of the `chosen` `(k,)` detections."""

    def keep(self, kept: BoolArray) -> None:
        """Forget every track that is not `kept`, a mask over the rows."""
