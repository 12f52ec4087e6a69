"""Whether masks of both sides agree: identical in float32, else a mean IoU of at least 0.99."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from tools.bench.case import Agreement

LEAST_IOU = 0.99


def as_masks(stack: Any) -> Masks:
    """Compact masks of a dense `(N, H, W)` bool stack, one at a time, since hundreds are large."""
    dense = np.asarray(stack)
    return Masks.concatenate(dense.shape[1:], [Masks.from_dense(mask[None]) for mask in dense])


def ious(ours: Masks, theirs: Masks) -> NDArray[np.float64]:
    """`(N,)` IoU of each mask with its counterpart; 1 where both are empty."""
    pairs = ((ours[i : i + 1], theirs[i : i + 1]) for i in range(len(ours)))
    overlaps = np.array([a.iou_matrix(b).item() for a, b in pairs], np.float64)
    return overlaps + (ours.areas + theirs.areas == 0)


def best_ious(ours: Masks, theirs: Masks) -> NDArray[np.float64]:
    """For each mask of either side, the IoU with the most similar one of the other side."""
    table = ours.iou_matrix(theirs)
    return np.concatenate([table.max(axis=axis, initial=0) for axis in (0, 1)])


def agree(ours: Mapping[str, Masks], theirs: Masks, in_order: bool = True) -> Agreement:
    """Compare our masks, by precision, with the reference's.

    Args:
        ours: Masks by the name of the precision; those of `float32` should be identical.
        theirs: The reference's masks.
        in_order: Whether mask i of one side belongs to mask i of the other; else each is compared with the
            most similar one.
    """
    told, agrees = [], True
    for precision, masks in ours.items():
        if masks == theirs:
            told.append(f"{len(masks)} masks identical at {precision}")
            continue
        paired = in_order and len(masks) == len(theirs)
        overlap = float((ious if paired else best_ious)(masks, theirs).mean())
        counts = (
            f"{len(masks)} and {len(theirs)} masks" if len(masks) != len(theirs) else f"{len(masks)} masks"
        )
        told.append(f"{counts}, mean IoU {overlap:.4f} at {precision}")
        agrees &= precision != "float32" and overlap >= LEAST_IOU and (paired or not in_order)
    return Agreement(agrees, "; ".join(told))
