"""Times that a broken clock states, and the times that are made of them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sav.media.clock import Clock

HOURS = 3600 * 6


def mended(*stated: float, is_true_gap: bool = False) -> list[float]:
    """The times that a clock makes of what a stream with a picture a second states."""
    clock, times = Clock(), []
    for own in stated:
        time = clock.time(Fraction(own), is_true_gap)
        clock.passed(time, Fraction(1))
        times.append(float(time))
    return times


@pytest.mark.parametrize(
    ("stated", "times"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([5, 6, 12, 13], [5, 6, 12, 13]),  # a gap
        ([5, 6, 5.5, 7], [5, 6, 5.5, 7]),  # out of order
        ([5, 6, 0, 1, 2], [5, 6, 7, 8, 9]),  # joined to another recording
        ([HOURS, 0, 1, 2], [HOURS, 0, 1, 2]),  # begun wrongly
        ([5, 6, HOURS, HOURS + 1], [5, 6, 7, 8]),  # a leap
        ([5, 6, HOURS, 8, 9], [5, 6, 7, 8, 9]),  # one flipped bit
        ([HOURS, HOURS + 1, 2, HOURS + 3], [HOURS, HOURS + 1, HOURS + 2, HOURS + 3]),
    ],
)
def test_times_go_on_where_the_clock_breaks(stated: list[float], times: list[float]) -> None:
    assert mended(*stated) == times


def test_a_gap_that_is_true_is_kept_up_to_half_an_hour() -> None:
    assert mended(5, 6, 1700, is_true_gap=True) == [5, 6, 1700]
    assert mended(5, 6, 1900, is_true_gap=True) == [5, 6, 7]


def test_a_duration_that_cannot_be_right_does_not_count() -> None:
    clock = Clock()
    clock.passed(clock.time(Fraction(5)), Fraction(HOURS))
    clock.passed(clock.time(Fraction(0)), Fraction(1))
    assert clock.last is not None
    assert clock.last < 60
