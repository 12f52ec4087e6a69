"""What refining can be told; each default was chosen over real sequences forwards, backwards and jittered."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from sav.checks import check_number
from sav.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """How tracks are refined. Times are in seconds, so that they hold at any frame rate.

    How far two pieces of path miss each other is told in tolerances: both are moved on to the middle of the
    gap between them, and 1 is a third of a box there, more after a longer gap; see `motion.mismatch`.

    Attributes:
        longest_gap: Gaps of up to this many seconds are filled, and pieces linked over.
        smoothing: Standard deviation, in seconds, of the Gaussian weights that paths are smoothed by.
        split_above: A track is cut at a gap where its two sides miss each other by more than this.
        link_below: The end of one piece and the start of another are linked if they miss by less than this.
        swap_margin: Two tracks that met exchange their identities afterwards if they miss less by that, by
            more than this.
        extend_iou: A weak box continues a track back in time if it overlaps by more than this.
        shortest: A track that lasts less, in seconds weighed by its mean score, is dropped.

    Raises:
        SettingError: If a value is negative or no number, `longest_gap` is above a second, or `smoothing`
            is 0.
    """

    longest_gap: float = 1.0
    smoothing: float = 0.18
    split_above: float = 1.5
    link_below: float = 1.0
    swap_margin: float = 0.5
    extend_iou: float = 0.7
    shortest: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            check_number(field.name, getattr(self, field.name), most=math.inf)
        if self.longest_gap > 1:
            raise SettingError(f"longest_gap must be at most 1 second, not {self.longest_gap}")
        if not self.smoothing:
            raise SettingError("smoothing must be above 0; a hundredth of a second leaves boxes as they are")
