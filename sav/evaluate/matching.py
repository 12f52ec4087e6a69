"""Which found object stands for which true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Indices
from sav.trackers.association import assign

# What rounding may take from an overlap that is exactly as large as the least.
_ROUNDING = 1e-9


def match(overlaps: NDArray[Any], least: float = 0.0) -> tuple[Indices, Indices]:
    """Pair rows with columns, each at most once, so that the sum of the pairs' overlaps is greatest.

    Args:
        overlaps: `(N, M)` IoU, 0 to 1.
        least: No pair overlaps by less; nor is there one that does not overlap.

    Returns:
        Rows and columns of the pairs, each `(K,)`.
    """
    return assign(np.where(overlaps >= least - _ROUNDING, overlaps, 0), 0)
