"""What objects look like, in the numbers that a detector's first layers make of them: no second network.

What feeds a detector's head is trained to be the same for all objects of a class, so that it tells a person
from a dog, and one person from another by chance; the first layers still know colours and patterns.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from sav.detectors.suppression import PICTURE
from sav.operators import roi_align
from sav.uploads import on_device

# Bands from top to bottom that a box is looked at in: shirt and trousers are not mixed.
_BANDS = 3
# The middle of a box, as shares of its width and height: an object's own pixels more than what is around it.
_MIDDLE_WH = (0.5, 0.9)
# Points across and down a band at which a grid is read.
_SAMPLES = 4
# Features are whole numbers of this size at most, so that they are small to keep.
LARGEST = 127


def appearances(grids: Sequence[Tensor], rows: Tensor, width: int) -> Tensor:
    """Return what the objects in some pictures look like.

    Args:
        grids: `(B, C, h, w)` a layer; without any, D is 0.
        rows: `(N, 7)` float32, boxes in pixels of what the network sees, see `sav.detectors.suppression`.
        width: Of what the network sees, in pixels.

    Returns:
        `(N, D)` int8: for each grid, the bands' channels, scaled to length `LARGEST`.
    """
    if not grids:
        return rows.new_zeros((len(rows), 0), dtype=torch.int8)
    places = torch.cat([rows[:, PICTURE:], _middles(rows)], 1)
    parts = [
        roi_align(grid.float(), places, (_BANDS, 1), grid.shape[3] / width, _SAMPLES, aligned=True).flatten(1)
        for grid in grids
    ]  # (objects, C * bands) each
    features = torch.cat([F.normalize(part, dim=1) for part in parts], 1)
    return (LARGEST * features).round().nan_to_num().to(torch.int8)


def _middles(rows: Tensor) -> Tensor:
    """The middle of each box, `(N, 4)`."""
    first, last = rows[:, :2], rows[:, 2:4]
    half = (last - first) / 2 * on_device(torch.tensor(_MIDDLE_WH), rows.device)
    centre = (first + last) / 2
    return torch.cat([centre - half, centre + half], 1)
