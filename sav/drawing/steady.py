"""What keeps labels where they are from frame to frame: a memory of where each was, and of what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sav.data.types import FloatArray

# A label leaves its place when another has of late cost so much less: in the mean over the frames before, of
# which each next one takes such a share. It leaves at once when it would cover another label.
_BETTER = 0.5
_SHARE = 0.04
_COVERED = 10.0
# Labels that are remembered, the last seen ones.
_MOST_REMEMBERED = 4096


@dataclass
class Memory:
    """The place of each label in the frames before, by track id, and what its places have lately cost."""

    places: dict[int, int] = field(default_factory=dict)
    costs: dict[int, FloatArray] = field(default_factory=dict)

    def held(self, track_id: int) -> int | None:
        """The place that a label had last; None if it is new."""
        return self.places.get(track_id)

    def lately(self, track_ids: Sequence[int], costs: FloatArray) -> FloatArray:
        """What places have of late cost N labels, `(N, C)`, which in this frame cost them `costs`.

        Each of the labels is then to settle.
        """
        rows = zip(track_ids, costs, strict=True)
        before = np.array([self.costs.get(track_id, now) for track_id, now in rows]).reshape(costs.shape)
        mean: FloatArray = before + np.float32(_SHARE) * (costs - before)
        return mean

    def settle(self, track_id: int, lately: FloatArray, covered: FloatArray) -> int:
        """The place that a label takes: its old one, unless it covers plates there or another is much better.

        Args:
            track_id: Whose label it is.
            lately: `(C,)` what the places have of late cost.
            covered: `(C,)` how much of other plates it would cover now.
        """
        # A place that others had is for some time worse than one that was free.
        self.costs[track_id] = lately + np.float32(_SHARE) * (covered > 0)
        best = int((lately + _COVERED * covered).argmin())
        held = self.places.pop(track_id, best)
        if covered[held] > 0 or lately[held] - lately[best] > _BETTER:
            held = best
        self.places[track_id] = held
        self._forget()
        return held

    def _forget(self) -> None:
        if len(self.places) > _MOST_REMEMBERED:
            longest_unseen = next(iter(self.places))
            del self.places[longest_unseen]
            self.costs.pop(longest_unseen, None)


def shares(first: FloatArray, second: FloatArray) -> FloatArray:
    """Pixels that rectangles `(..., 4)` share."""
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    sides = np.maximum(high - low, 0)
    return sides[..., 0] * sides[..., 1]
