"""Where the cells of a detector's grids lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def place_cells(steps: Sequence[float], head: Any, given: tuple[Any, ...]) -> None:
    """Tell one of ultralytics' heads before it is called, in place of what it would work out itself.

    Its own way waits for the device, and in half precision rounds places far from the corner.

    Args:
        steps: Pixels from cell to cell in each grid.
        head: The head, which gets `anchors` `(2, cells)` and `strides` `(1, cells)`, both float32.
        given: What it is called with, first the grids' features `(B, C, h, w)`.
    """
    grids = given[0][: len(steps)]
    places, sizes = [], []
    for grid, step in zip(grids, steps, strict=True):
        rows, columns = (
            torch.arange(length, dtype=torch.float32, device=grid.device) + 0.5 for length in grid.shape[2:]
        )
        centres = torch.stack(torch.meshgrid(columns, rows, indexing="xy")).flatten(1)  # (x and y, cells)
        places.append(centres)
        sizes.append(torch.full_like(centres[:1], step))
    head.anchors, head.strides, head.shape = torch.cat(places, 1), torch.cat(sizes, 1), grids[0].shape
