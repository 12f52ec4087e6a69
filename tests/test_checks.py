"""Settings that are refused: one line names the setting, what it may be, and what it was."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sav.checks import alternatives, check_choice, check_number, check_whole
from sav.errors import SettingError


@pytest.mark.parametrize("value", [0, 1, 0.5, True + 0.0, Fraction(1, 3), np.float32(0.25), np.int64(1)])
def test_numbers_of_any_kind_are_taken(value):
    check_number("share", value)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, 10**400, True, None, "0.5", [0.5]])
def test_what_is_no_share_is_refused(value):
    with pytest.raises(SettingError, match=r"^share must be a number from 0 to 1, not .{1,60}$"):
        check_number("share", value)


@pytest.mark.parametrize("value", [-1, math.inf, math.nan])
def test_a_number_without_an_upper_bound_is_still_finite(value):
    check_number("seconds", 1e300, most=math.inf)
    with pytest.raises(SettingError, match="seconds must be a number from 0 up, not"):
        check_number("seconds", value, most=math.inf)


@pytest.mark.parametrize("value", [0, 11, 2.0, True, None, "3", pytest.param(10**20_000, id="huge")])
def test_what_is_no_whole_number_within_bounds_is_refused(value):
    check_whole("count", np.int32(3), 1, 10)
    with pytest.raises(SettingError, match=r"^count must be a whole number from 1 to 10, not .{1,60}$"):
        check_whole("count", value, 1, 10)


def test_choices_are_named():
    check_choice("kind", "b", ("a", "b"))
    with pytest.raises(SettingError, match=r"kind must be a, b or c, not \['a'\]"):
        check_choice("kind", ["a"], ("a", "b", "c"))
    assert (alternatives(("a",)), alternatives(("a", "b"))) == ("a", "a or b")
