"""What a browser says of a click, checked: anybody may send anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.errors import SettingError

CHOOSE, TOGGLE, NONE, REMOVE, MASK, LOOK = "choose", "toggle", "none", "remove", "mask", "look"
_NEEDED = {CHOOSE: ("x", "y"), TOGGLE: ("row",), NONE: (), REMOVE: (), MASK: ("x", "y"), LOOK: ()}
_LARGEST = 1e9


@dataclass(frozen=True, eq=False)
class Click:
    """What a visitor wants to happen.

    Attributes:
        do: `CHOOSE` what is at a place, `TOGGLE` a row, select `NONE`, `REMOVE` what is selected, add a
            `MASK` at a place, or `LOOK` at another frame.
        place_xy: `(2,)` float64, a point, or `(4,)`, two corners of a box, in pixels; empty where none is.
        row: A row of the table.
        name: What a mask is to be called.
        time: Seconds at which a video is paused.
    """

    do: str
    place_xy: NDArray[np.float64]
    row: int = 0
    name: str = ""
    time: float = 0.0

    @classmethod
    def read(cls, said: Any) -> Click:
        """Take it out of what the browser has sent.

        Raises:
            SettingError: It makes no sense.
        """
        do = said.get("do") if isinstance(said, dict) else None
        if not isinstance(do, str) or do not in _NEEDED:
            raise SettingError("that click makes no sense here")
        names = [name for name in ("x", "y", "x1", "y1") if name in said]
        time = said.get("time", 0)
        numbers = [time, *(said.get(name) for name in (*_NEEDED[do], *names))]
        if not all(isinstance(number, int | float) and abs(number) < _LARGEST for number in numbers):
            raise SettingError("that click is nowhere")
        place = np.array([float(said[name]) for name in names])
        name = " ".join(str(said.get("name", "")).split())
        return cls(do, place, int(said.get("row", 0)), name, float(time))

    def within(self, size_hw: tuple[int, int]) -> NDArray[np.float64]:
        """The point, or the box with its corners in order, cut to a picture."""
        width_height = np.array(size_hw[::-1], np.float64)
        if len(self.place_xy) < 4:
            return np.clip(self.place_xy[:2], 0, width_height - 1)
        corners = np.clip(self.place_xy.reshape(2, 2), 0, width_height)
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)])
