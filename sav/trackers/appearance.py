"""What tracks look like: remembered while they are seen, to know them again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, Detections, Indices
from sav.trackers.kalman import Array

# So much of a track's looks is its newest detection's, as in BoT-SORT (arXiv 2206.14651, section 3.3); of the
# first ones each counts as much as any other.
_LEAST_SHARE = 0.1
# Added to deviations: a number that hardly ever varies is noise, and looks are rounded to whole numbers.
_LEAST_DEVIATION = 2.0


class AppearanceCue:
    """The looks of tracks, out of those of their sure detections.

    What all objects share says nothing about any of them, and a number that varies much says no more than one
    that varies little: looks are compared by the cosine between them after the mean of all that were seen so
    far is taken away from both, and each number divided by its deviation. It is halved and moved to 0 to 1.
    """

    def __init__(self, least_score: float) -> None:
        """Know nothing yet; detections below `least_score` teach nothing."""
        self._least_score = least_score
        self._tracks: Array = np.zeros((0, 0))
        self._seen_times: Array = np.zeros(0)
        self._sum: Array = np.zeros(0)
        self._squares: Array = np.zeros(0)
        self._count = 0

    @property
    def is_blind(self) -> bool:
        """Whether no detection came with looks."""
        return self._tracks.shape[1] == 0

    def similarity(self, rows: Indices, detections: Detections, chosen: Indices) -> Array:
        """Return how alike the tracks in `rows` `(n,)` and the `chosen` `(m,)` detections are.

        Returns:
            `(n, m)`, 0 to 1; 0.5 where nothing is known.
        """
        return self._alike(self._tracks[rows], detections.looks[chosen].astype(np.float64))

    def between(self, rows: Indices, others: Indices) -> Array:
        """Return likewise how alike the tracks in `rows` `(n,)` and those in `others` `(m,)` are."""
        return self._alike(self._tracks[rows], self._tracks[others])

    def observe(self, rows: Indices, detections: Detections, chosen: Indices) -> None:
        """Learn that the tracks in `rows` `(k,)` were seen as the `chosen` `(k,)` detections."""
        if self.is_blind:
            return
        sure = detections.scores[chosen] >= self._least_score
        rows, seen = rows[sure], self._seen(detections, chosen[sure])
        self._seen_times[rows] += 1
        shares = np.maximum(_LEAST_SHARE, 1 / self._seen_times[rows])
        self._tracks[rows] += shares[:, None] * (seen - self._tracks[rows])

    def start(self, detections: Detections, chosen: Indices) -> None:
        """Add a track for each of the `chosen` `(k,)` detections."""
        seen = self._seen(detections, chosen)
        if not len(self._tracks):
            self._tracks = seen[:0]
        self._tracks = np.concatenate([self._tracks, seen])
        self._seen_times = np.concatenate([self._seen_times, np.ones(len(seen))])

    def join(self, rows: Indices, others: Indices) -> None:
        """Have the tracks in `rows` `(k,)` look like the mean of theirs and those of `others` `(k,)`."""
        self._tracks[rows] = (self._tracks[rows] + self._tracks[others]) / 2
        self._seen_times[rows] += self._seen_times[others]

    def keep(self, kept: BoolArray) -> None:
        """Forget every track that is not `kept`, a mask over the rows."""
        self._tracks, self._seen_times = self._tracks[kept], self._seen_times[kept]

    def _seen(self, detections: Detections, chosen: Indices) -> Array:
        """The looks of some detections, `(k, D)`, which from now on are part of the mean."""
        seen = detections.looks[chosen].astype(np.float64)
        self._sum = seen.sum(0) + (self._sum if len(self._sum) else 0)
        self._squares = np.square(seen).sum(0) + (self._squares if len(self._squares) else 0)
        self._count += len(seen)
        return seen

    def _alike(self, one: NDArray[np.float64], other: NDArray[np.float64]) -> Array:
        """`(n, m)`, how alike the looks `(n, D)` and `(m, D)` are, each less what is common to all."""
        mean = self._sum / max(self._count, 1)
        variance = np.maximum(self._squares / max(self._count, 1) - np.square(mean), 0)
        apart = (np.concatenate([one, other]) - mean) / (np.sqrt(variance) + _LEAST_DEVIATION)
        lengths = np.sqrt(np.square(apart).sum(1, keepdims=True))
        directions = np.divide(apart, lengths, out=np.zeros_like(apart), where=lengths > 0)
        similarities: Array = 0.5 + 0.5 * (directions[: len(one)] @ directions[len(one) :].T)
        return similarities
