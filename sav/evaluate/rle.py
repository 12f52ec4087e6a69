"""Masks of COCO files as compressed RLE, checked: pycocotools trusts its input, and false runs crash it."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from sav.data.types import IntArray

# Of a character of the text, which begins at "0": five bits, and whether the number goes on.
_FIRST, _BITS, _GOES_ON, _NEGATIVE = 48, 5, 0x20, 0x10
# Characters of the longest number that a picture asks for.
_MOST_CHARACTERS = 8
# Sides of the picture beyond which no polygon goes.
_FAR = 10


def checked_rle(segmentation: Any, size_hw: tuple[int, int]) -> dict[str, Any]:
    """A mask as compressed RLE, `{"size": [H, W], "counts": ...}`.

    Args:
        segmentation: As an annotation has it: polygons, whose union it is, or RLE as text or numbers.
        size_hw: Height and width of the picture.

    Raises:
        ValueError: If it is no mask of such a picture; the message says why.
    """
    size = list(size_hw)
    if isinstance(segmentation, list):
        return _filled(segmentation, size_hw)
    if not isinstance(segmentation, dict) or "counts" not in segmentation:
        raise ValueError("it is neither a list of polygons nor RLE")
    if list(segmentation.get("size", size)) != size:
        raise ValueError("it has not the size of its picture")

    counts = segmentation["counts"]
    lengths = np.array(counts, np.int64) if isinstance(counts, list) else run_lengths(counts)
    if (lengths < 0).any() or int(lengths.sum()) != size_hw[0] * size_hw[1]:
        raise ValueError("its runs do not add up to its picture")
    if isinstance(counts, list):
        return dict(coco_mask.frPyObjects({"size": size, "counts": counts}, *size_hw))
    return {"size": size, "counts": counts}


def _filled(polygons: list[Any], size_hw: tuple[int, int]) -> dict[str, Any]:
    for polygon in polygons:
        points = np.array(polygon, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError("a polygon is x and y in turn, of three points or more")
        if not (np.abs(points) < _FAR * max(size_hw)).all():
            raise ValueError("it lies far outside its picture")
    if not polygons:
        raise ValueError("it is empty")
    return dict(coco_mask.merge(coco_mask.frPyObjects(polygons, *size_hw)))


def run_lengths(text: str) -> IntArray:
    """The runs of 0 and 1 in turn that compressed RLE stands for.

    From the third on, a run is written as its difference to the one before the last; a number has five bits
    a character, the lowest first.

    Raises:
        ValueError: If it is no such text.
    """
    codes = np.frombuffer(str(text).encode(), np.uint8).astype(np.int64) - _FIRST
    if not len(codes):
        return codes
    if (codes < 0).any() or (codes >= 2 * _GOES_ON).any() or codes[-1] & _GOES_ON:
        raise ValueError("it is not RLE")

    is_last = (codes & _GOES_ON) == 0
    ends = np.flatnonzero(is_last)
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if places.max() >= _MOST_CHARACTERS:
        raise ValueError("it is not RLE")

    numbers = np.add.reduceat((codes & (_GOES_ON - 1)) << (_BITS * places), starts)
    numbers -= np.where(codes[ends] & _NEGATIVE, 1 << (_BITS * (ends - starts + 1)), 0)
    for turn in (numbers[1::2], numbers[2::2]):
        turn.cumsum(out=turn)
    return numbers
