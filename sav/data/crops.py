"""Single bool crops of masks: trimmed, packed as bits, summed up, as run lengths, and what they cut out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, Image, IntArray

# How many bits are set in each byte.
BITS_IN_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)


def run_lengths(crop: BoolArray, where: tuple[slice, slice], size_hw: tuple[int, int]) -> list[int]:
    """Lengths of the runs of 0 and 1 in turn, down the columns of the whole picture, from the crop alone."""
    rows, columns = where
    height, width = size_hw
    # One column after the other, a 0 before each, so that a change from pixel to pixel is an edge of a run.
    size = crop.shape[1], crop.shape[0] + 1
    flat = np.zeros(size[0] * size[1] + 1, np.uint8)
    if crop.size:
        flat[:-1].reshape(size)[:, 1:] = cv2.transpose(crop.view(np.uint8))
    column, row = np.divmod(np.flatnonzero(flat[1:] != flat[:-1]), size[1])
    edges = (columns.start + column) * height + rows.start + row
    if len(crop) == height:
        # A run that reaches the bottom edge goes on at the top of the next column: one run, not two.
        joined = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
        edges = np.delete(edges, np.concatenate([joined, joined + 1]))
    bounds = np.empty(len(edges) + 2, np.int64)
    bounds[0], bounds[1:-1], bounds[-1] = 0, edges, height * width
    lengths: list[int] = (bounds[1:] - bounds[:-1]).tolist()
    return lengths if lengths[-1] else lengths[:-1]


def from_run_lengths(lengths: IntArray, box: Sequence[int], size_hw: tuple[int, int]) -> BoolArray:
    """The crop of a mask in its tight box, out of the lengths of its runs down the columns of the picture.

    Raises:
        ValueError: They are of a picture of another size.
    """
    x0, y0, x1, y1 = box
    ends = np.cumsum(lengths)
    if not len(ends) or ends[-1] != size_hw[0] * size_hw[1]:
        raise ValueError(f"run lengths are not of a picture of {size_hw[1]}x{size_hw[0]} pixels")
    # Where runs end in the box, down its columns: what is beyond it is cut off.
    width, height = x1 - x0, y1 - y0
    column, row = np.divmod(ends, size_hw[0])
    inside = (column - x0) * height + np.clip(row - y0, 0, height)
    edges = np.clip(inside, 0, width * height)
    values = np.arange(len(lengths), dtype=np.uint8) & 1
    columns = np.repeat(values, np.diff(edges, prepend=0)).reshape(width, height)
    return cv2.transpose(columns).view(np.bool_) if columns.size else np.zeros((height, width), np.bool_)


def centroid_xy(crop: BoolArray) -> NDArray[np.float64]:
    """`(2,)`, the mean pixel centre of a crop that is not empty, from its top left corner.

    OpenCV adds pixels up several times as fast as numpy.
    """
    bits = crop.view(np.uint8)
    columns, rows = (
        cv2.reduce(bits, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel().astype(np.int64) for axis in (0, 1)
    )
    return np.array([counts @ np.arange(len(counts)) / counts.sum() for counts in (columns, rows)])


def tight_boxes(dense: BoolArray) -> IntArray:
    """Boxes `(N, 4)` around the masks of a `(N, H, W)` bool stack, right and bottom exclusive; 0 if empty."""
    left, right = _first_and_last(np.any(dense, axis=1))
    top, bottom = _first_and_last(np.any(dense, axis=2))
    return np.stack([left, top, right, bottom], axis=1)


def _first_and_last(occupied: NDArray[Any]) -> tuple[IntArray, IntArray]:
    """First True and one past the last True in each row of `(N, L)`; 0 and 0 where there is none."""
    if occupied.size == 0:
        nothing = np.zeros(len(occupied), np.int64)
        return nothing, nothing
    length = occupied.shape[1]
    last = length - occupied[:, ::-1].argmax(axis=1)
    return occupied.argmax(axis=1), np.where(occupied.any(axis=1), last, 0)


def trim(crop: BoolArray) -> tuple[BoolArray, tuple[int, ...]]:
    """Cut a crop to its True pixels; the box is relative to the crop."""
    if not crop.size:
        return crop[:0, :0], (0, 0, 0, 0)
    x, y, width, height = cv2.boundingRect(crop.view(np.uint8))
    return crop[y : y + height, x : x + width], (x, y, x + width, y + height)


def bits_set(packed: NDArray[np.uint8], begins: IntArray, ends: IntArray) -> IntArray:
    """`(N,)`, how many bits are set in bytes from `begins` to `ends`; OpenCV counts ten times as fast."""
    if not len(packed):
        return np.zeros(len(begins), np.int64)
    counts = cv2.LUT(packed, BITS_IN_BYTE).ravel()
    places = zip(begins.tolist(), ends.tolist(), strict=True)
    return np.array(
        [cv2.sumElems(counts[begin:end])[0] if begin < end else 0 for begin, end in places], np.int64
    )


def pack(crops: Sequence[BoolArray]) -> NDArray[np.uint8]:
    """Bits of crops one after the other, each padded to a whole byte."""
    return np.concatenate([np.zeros(0, np.uint8), *(np.packbits(crop) for crop in crops)])


def cut_out(image_bgr: Image, mask: BoolArray) -> NDArray[np.uint8]:
    """`(H, W, 4)` uint8 BGRA: the picture where the `(H, W)` mask is, nothing elsewhere."""
    alpha = mask.astype(np.uint8) * 255
    return np.asarray(
        cv2.bitwise_and(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2BGRA), cv2.merge([alpha] * 4)), np.uint8
    )
