"""Checks of settings: what fails raises SettingError, in a line that names the setting and what it may be."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from numbers import Integral, Real

from sav.errors import SettingError


def check_number(name: str, value: object, least: float = 0, most: float = 1) -> None:
    """Check that a setting is a number from `least` to `most`, by default a share; never infinite.

    Raises:
        SettingError: If it is not.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not least <= value <= most or value == math.inf:  # type: ignore[operator]
        end = "up" if most == math.inf else f"to {most:g}"
        raise SettingError(f"{name} must be a number from {least:g} {end}, not {shown(value)}")


def check_whole(name: str, value: object, least: int, most: int) -> None:
    """Check that a setting is a whole number from `least` to `most`.

    Raises:
        SettingError: If it is not.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:  # type: ignore[operator]
        raise SettingError(f"{name} must be a whole number from {least} to {most}, not {shown(value)}")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Check that a setting is one of several names.

    Raises:
        SettingError: If it is not.
    """
    if value not in choices:
        raise SettingError(f"{name} must be {alternatives(choices)}, not {shown(value)}")


def alternatives(choices: Sequence[str]) -> str:
    """`one, another or a third`."""
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def shown(value: object) -> str:
    """A value in a message: its beginning, however large it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no decimal number of more than 4300 digits
        return "a number of thousands of digits"
