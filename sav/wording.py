"""How numbers and names are put into words."""

from __future__ import annotations

from collections.abc import Iterable

# Of many names, those that are told.
_MOST_NAMES = 10


def count(number: int, noun: str) -> str:
    """`1 object`, `2 objects`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Names:
    """The names of what there may be a million of: the first few are told, the others counted."""

    def __init__(self, names: Iterable[object] = ()) -> None:
        """Begin with some."""
        self._first: list[str] = []
        self._number = 0
        for name in names:
            self.add(name)

    def add(self, name: object) -> None:
        """Add one."""
        self._number += 1
        if len(self._first) < _MOST_NAMES:
            self._first.append(str(name))

    def __len__(self) -> int:
        return self._number

    def __str__(self) -> str:
        more = self._number - len(self._first)
        return ", ".join(self._first) + (f" and {more} more" if more else "")
