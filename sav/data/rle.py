"""COCO's run-length encodings of masks, as pycocotools writes and compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask


def compressed(run_lengths: Sequence[Sequence[int]], size_hw: tuple[int, int]) -> list[str]:
    """The counts of each mask, out of the lengths of its runs of 0 and 1 down the columns of the picture."""
    height, width = size_hw
    runs = [{"size": [height, width], "counts": lengths} for lengths in run_lengths]
    encoded = coco_mask.frPyObjects(runs, height, width) if runs else []
    return [rle["counts"].decode("ascii") for rle in encoded]


def decompressed(counts: str) -> NDArray[np.int64]:
    """The lengths of a mask's runs, out of its counts: what `compressed` does, undone.

    The form is that of pycocotools (maskApi.c, `rleToString`): each number in groups of five bits, the lowest
    first, with a sixth that says whether more come, and the sign in the highest; from the fourth on only the
    change since the one but last.

    Raises:
        ValueError: They are cut off.
    """
    groups = np.frombuffer(counts.encode("ascii"), np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(groups & 32 == 0)
    if not len(ends) or ends[-1] != len(groups) - 1:
        raise ValueError("the counts of a mask are cut off")

    sizes = np.diff(ends, prepend=-1)
    begins = ends - sizes + 1
    shifts = 5 * (np.arange(len(groups)) - np.repeat(begins, sizes))
    numbers = np.add.reduceat((groups & 31) << shifts, begins)
    numbers[groups[ends] & 16 > 0] -= 1 << (5 * sizes[groups[ends] & 16 > 0])

    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def rle_iou(
    a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]], is_crowd: Sequence[bool] = ()
) -> NDArray[np.float64]:
    """Intersection over union of masks, counted on run lengths, and only where boxes overlap.

    Args:
        a: N masks as COCO's compressed RLE.
        b: M masks of the same picture.
        is_crowd: For each of `b` whether it is a crowd: what is shared is then divided by the area of the
            mask of `a`, as COCO does. By default none is.

    Returns:
        `(N, M)`, 0 to 1; 0 for an empty mask, with itself as well.

    Raises:
        ValueError: If the masks are of pictures of different sizes.
    """
    if len({tuple(mask["size"]) for mask in (*a, *b)}) > 1:
        raise ValueError("masks of pictures of different sizes cannot be compared")
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    flags = list(is_crowd) or [False] * len(b)
    return np.asarray(coco_mask.iou(list(a), list(b), flags), np.float64)
