"""What the names in a state dict tell of the model that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

StateDict = Mapping[str, Tensor]


def count_layers(state: StateDict, pattern: str) -> int:
    """How many numbers `pattern` captures among the names; they must go from 0 up without a gap.

    Raises:
        ValueError: If there is none, or a gap.
    """
    found = {int(match[1]) for name in state if (match := re.fullmatch(pattern, name))}
    if not found or max(found) != len(found) - 1:
        raise ValueError(f"tensors like {pattern} are missing")
    return len(found)
