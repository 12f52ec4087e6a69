"""Which frames of a video are wanted: from where, to where, and every how many."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral

from sav.errors import SettingError

_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)s")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")

Moment = int | Fraction
"""A frame's number, from 0 (int), or seconds after the first frame (Fraction)."""


def parse_moment(text: str | int | Fraction) -> Moment:
    """Read a place in a video.

    Args:
        text: A frame's number (`250`), seconds (`"12.5s"`) or a clock time (`"1:30"`, `"00:01:30.5"`).

    Raises:
        SettingError: It is none of these.
    """
    if isinstance(text, Integral):
        return int(text)
    if isinstance(text, Fraction):
        return text
    if not isinstance(text, str):
        raise SettingError(f"{text!r} may mean a frame or seconds: write {text} seconds as '{text}s'")
    text = text.strip()
    if re.fullmatch(r"\d+", text):
        return int(text)
    if match := _SECONDS.fullmatch(text):
        return Fraction(match[1])
    if match := _CLOCK.fullmatch(text):
        hours, minutes, seconds = match.groups()
        total = int(hours or 0) * 3600 + int(minutes) * 60 + Fraction(seconds)
        if int(minutes) > 59 or Fraction(seconds) >= 60:
            raise SettingError(
                f"minutes and seconds of a clock time go up to 59, not as in {text!r}: write {_clock(total)}"
            )
        return total
    raise SettingError(
        f"cannot read {text!r} as a place in a video: give a frame's number (250), "
        "seconds (12.5s) or a clock time (00:01:30)"
    )


def _clock(seconds: Fraction) -> str:
    """Seconds as a clock time, to the millisecond."""
    whole, rest = divmod(seconds, 60)
    return f"{whole // 60:02d}:{whole % 60:02d}:{float(rest):06.3f}".removesuffix(".000")


def _written(moment: Moment) -> str:
    """A place in a video as users write it."""
    return str(moment) if isinstance(moment, int) else f"{float(moment):g}s"


@dataclass(frozen=True)
class Selection:
    """The wanted frames, as in Python's `frames[start:end:stride]`.

    Attributes:
        start: The first wanted frame; None begins with the first of all.
        end: The first frame that is not wanted any more; None goes to the end.
        stride: Of the frames between, every how many; the first one is always taken.
    """

    start: Moment | None = None
    end: Moment | None = None
    stride: int = 1

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise SettingError(f"the stride must be at least 1, not {self.stride}")
        for moment in (self.start, self.end):
            if moment is not None and moment < 0:
                raise SettingError(f"a place in a video cannot be negative: {_written(moment)}")
        if self.end is not None and self.end <= 0:
            raise SettingError(f"no frame comes before the end ({_written(self.end)}): give a later one")
        same_kind = type(self.start) is type(self.end)
        if same_kind and self.start is not None and self.end is not None and self.end <= self.start:
            raise self.reversed_order()

    def reversed_order(self) -> SettingError:
        """What to raise where the end turns out to come no later than the start."""
        start, end = _written(self.start or 0), _written(self.end or 0)
        return SettingError(f"the end ({end}) must come after the start ({start})")

    @classmethod
    def parse(
        cls, start: str | Moment | None = None, end: str | Moment | None = None, stride: int = 1
    ) -> Selection:
        """Make a selection from what a user wrote; see `parse_moment`."""
        return cls(
            None if start is None else parse_moment(start), None if end is None else parse_moment(end), stride
        )

    def count_of(self, total: int | None, frame_rate: Fraction) -> int | None:
        """About how many of `total` frames are wanted; None if nobody knows."""

        def number(moment: Moment) -> int:
            return moment if isinstance(moment, int) else round(moment * frame_rate)

        ends = [end for end in (total, None if self.end is None else number(self.end)) if end is not None]
        if not ends:
            return None
        first = 0 if self.start is None else number(self.start)
        return max(0, -(-(min(ends) - first) // self.stride))


def reached(moment: Moment, number: int, seconds: Fraction) -> bool:
    """Whether frame `number`, shown `seconds` after the first, is at or after `moment`."""
    return number >= moment if isinstance(moment, int) else seconds >= moment
