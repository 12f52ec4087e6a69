"""Whether masks of both sides agree: identical in float32, else a mean IoU of at least 0.99."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from tools.bench.case import Agreement

LEAST_IOU = 0.99
_PIXELS_AT_ONCE = 65536


def as_masks(stack: Any) -> Masks:
    """Compact masks of a dense `(N, H, W)` bool stack, one at a time, since hundreds are large."""
    dense = np.asarray(stack)
    return Masks.concatenate(dense.shape[1:], [Masks.from_dense(mask[None]) for mask in dense])


def ious(ours: Masks, theirs: Masks) -> NDArray[np.float64]:
    """`(N,)` IoU of each mask with its counterpart; 1 where both are empty."""
    pairs = ((ours[i : i + 1].dense(), theirs[i : i + 1].dense()) for i in range(len(ours)))
    shared = np.array([np.count_nonzero(a & b) for a, b in pairs], np.float64)
    return shared / np.maximum(ours.areas + theirs.areas - shared, 1) + (ours.areas + theirs.areas == 0)


def best_ious(ours: Masks, theirs: Masks) -> NDArray[np.float64]:
    """For each mask of either side, the IoU with the most similar one of the other side."""
    if not len(ours) or not len(theirs):
        return np.zeros(len(ours) + len(theirs))
    a, b = (masks.dense().reshape(len(masks), -1) for masks in (ours, theirs))
    shared = np.zeros((len(a), len(b)))
    for start in range(0, a.shape[1], _PIXELS_AT_ONCE):
        some = slice(start, start + _PIXELS_AT_ONCE)
        shared += a[:, some].astype(np.float32) @ b[:, some].astype(np.float32).T
    table = shared / np.maximum(ours.areas[:, None] + theirs.areas - shared, 1)
    return np.concatenate([table.max(axis=0), table.max(axis=1)])


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
        if same(masks, theirs):
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


def same(ours: Masks, theirs: Masks) -> bool:
    """Whether all pixels of all masks are the same."""
    return (
        ours.size_hw == theirs.size_hw
        and np.array_equal(ours.boxes_xyxy, theirs.boxes_xyxy)
        and np.array_equal(ours.packed, theirs.packed)
    )
