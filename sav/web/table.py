"""The table on the page: its rows, and which of them a visitor has selected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sav.data.types import BoolArray
from sav.errors import SettingError


def rows_of(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """A row for each of the N values that every column has, in words that JSON knows."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def toggled(chosen: BoolArray, row: int) -> BoolArray:
    """`(rows,)` bool: with one row selected that was not, or the other way round.

    Raises:
        SettingError: There is no such row.
    """
    if not 0 <= row < len(chosen):
        raise SettingError("there is no such object any more")
    changed = chosen.copy()
    changed[row] ^= True
    return changed
