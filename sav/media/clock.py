"""The times of a stream as they should be: counted on where its clock breaks, as after damage or a join."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

# Seconds by which times may be out of order before it counts as a break.
OUT_OF_ORDER = Fraction(1)

# Seconds without anything after which the clock may have slipped, and after which it has.
SLIP = Fraction(10)
_LONGEST_GAP = Fraction(1800)

# Seconds within which a stream is taken up again where it was left.
_SEAM = Fraction(2)


class Clock:
    """Turns the times that a stream states into times that go on where the stream's clock breaks.

    Attributes:
        shift: Seconds added by now to what the stream states.
        last: When what came last began, in seconds; None before the first.
        end: When it should have ended.
    """

    def __init__(self) -> None:
        self.shift = Fraction(0)
        self.last: Fraction | None = None
        self.end = Fraction(0)
        self._former: deque[Fraction] = deque(maxlen=4)
        self._is_sure = False  # by a second time that may follow the first

    def passed(self, time: Fraction, duration: Fraction) -> None:
        """Take note of what came at `time`, for what comes after it."""
        self._is_sure = self.last is not None
        self.last, self.end = time, time + min(duration, SLIP)

    def slips(self, own: Fraction) -> bool:
        """Whether `own` is so much later than what came last that the clock may have slipped."""
        return self.last is not None and own + self.shift - self.end > SLIP

    def can_follow(self, time: Fraction) -> bool:
        """Whether `time` is not too early to follow what came last."""
        return self.last is None or self.last - time <= OUT_OF_ORDER

    def breaks(self, own: Fraction) -> bool:
        """Whether `own` is too early to follow what came last, or so late that the clock may have slipped."""
        return self.slips(own) or not self.can_follow(own + self.shift)

    def time(self, own: Fraction, is_true_gap: bool = True) -> Fraction:
        """The time, in seconds, of what the stream states to be at `own`.

        After a break that is first the time by a shift from before an earlier one, if that fits, else the
        end of what came last. The very first time is forgotten if the second is too early to follow it.

        Args:
            own: What the stream states.
            is_true_gap: Whether, if it is much later than the last, the time between passed in truth.
        """
        if not self._is_sure and not self.can_follow(own + self.shift):
            self.last = None
        if self.breaks(own):
            fitting = [shift for shift in self._former if abs(own + shift - self.end) <= _SEAM]
            if fitting:
                self.turn_to(min(fitting, key=lambda shift: abs(own + shift - self.end)))
            elif not (self.slips(own) and is_true_gap and own + self.shift - self.end < _LONGEST_GAP):
                self.turn_to(self.end - own)
        return own + self.shift

    def turn_to(self, shift: Fraction) -> None:
        """Add `shift` from now on to what the stream states."""
        if shift != self.shift:
            self._former.append(self.shift)
            self.shift = shift
