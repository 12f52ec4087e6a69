"""Work that a GPU has no memory for is done in halves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from numpy.typing import NDArray

from sav.captures import free_unused
from sav.errors import DeviceMemoryError

T = TypeVar("T")


def in_halves(work: Callable[[Any], list[T]], items: Sequence[Any] | NDArray[Any], advice: str) -> list[T]:
    """What `work` gives for all items at once; where the GPU's memory runs out, for half of them at a time.

    Args:
        work: Gives a list that goes on where the one of the items before ended.
        items: What it is given; an array counts by its rows.
        advice: What to do if there is no memory even for one; the end of a message.

    Raises:
        DeviceMemoryError: There is no memory for one item alone.
    """
    try:
        return work(items)
    except torch.OutOfMemoryError:
        if len(items) <= 1:
            raise DeviceMemoryError(f"the GPU has not enough memory; {advice}") from None
    # Only here, when the failed attempt's tensors are gone with its traceback, is there anything to free.
    if torch.cuda.is_available():
        free_unused()
    half = len(items) // 2
    return [*in_halves(work, items[:half], advice), *in_halves(work, items[half:], advice)]
