"""N binary masks of one picture in compact form: each cropped to its tight box, its pixels packed as bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from sav.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Masks:
    """N masks of a `size_hw` picture.

    A dense stack of 300 masks at 4000x3000 pixels takes 3.6 GB; this takes the area of the masks' tight boxes
    divided by eight. An empty mask has the box `(0, 0, 0, 0)` and no bits.

    Attributes:
        size_hw: Height and width of the picture.
        boxes_xyxy: `(N, 4)` int64, tight boxes in pixels, right and bottom edges exclusive.
        packed: `(B,)` uint8, the crops one after the other, each in row-major order, the first pixel in the
            highest bit (`numpy.packbits`), each padded to a whole byte.
    """

    size_hw: tuple[int, int]
    boxes_xyxy: IntArray
    packed: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.boxes_xyxy.ndim != 2 or self.boxes_xyxy.shape[1] != 4:
            raise ValueError(f"boxes_xyxy must have shape (N, 4), not {self.boxes_xyxy.shape}")
        if self.packed.shape != (int(self._offsets[-1]),):
            raise ValueError(f"packed has {self.packed.size} bytes, the boxes ask for {self._offsets[-1]}")

    @cached_property
    def _offsets(self) -> IntArray:
        """`(N + 1,)` where each crop's bytes begin."""
        sizes = (self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]).prod(axis=1)
        return np.concatenate([[0], np.cumsum((sizes + 7) // 8)])

    @classmethod
    def empty(cls, size_hw: tuple[int, int]) -> Masks:
        """No masks."""
        return cls(size_hw, np.zeros((0, 4), np.int64), np.zeros(0, np.uint8))

    @classmethod
    def from_dense(cls, dense: BoolArray) -> Masks:
        """Compress a `(N, H, W)` bool stack."""
        boxes = tight_boxes(dense)
        crops = [mask[y0:y1, x0:x1] for mask, (x0, y0, x1, y1) in zip(dense, boxes.tolist(), strict=True)]
        return cls(_size_of(dense), boxes, _pack(crops))

    @classmethod
    def from_crops(cls, size_hw: tuple[int, int], crops: Sequence[BoolArray], corners_xy: IntArray) -> Masks:
        """Compress one `(h, w)` bool crop a mask, trimmed; its top left pixel lies at `corners_xy[i]`."""
        tight = [_trim(crop) for crop in crops]
        boxes = np.array([box for _, box in tight], np.int64).reshape(-1, 4)
        present = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        boxes[present] += np.tile(np.asarray(corners_xy, np.int64).reshape(-1, 2), 2)[present]
        return cls(size_hw, boxes, _pack([crop for crop, _ in tight]))

    @classmethod
    def concatenate(cls, size_hw: tuple[int, int], parts: Sequence[Masks]) -> Masks:
        """Join several lots of masks of the same picture, in order."""
        if any(part.size_hw != size_hw for part in parts):
            raise ValueError(f"masks of pictures of different sizes cannot be joined, wanted {size_hw}")
        parts = [cls.empty(size_hw), *parts]
        return cls(
            size_hw,
            np.concatenate([part.boxes_xyxy for part in parts]),
            np.concatenate([part.packed for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def __getitem__(self, index: Any) -> Masks:
        """The masks that a boolean mask, an index array or a slice picks, in its order."""
        chosen = np.arange(len(self))[index]
        pieces = [self.packed[self._offsets[i] : self._offsets[i + 1]] for i in chosen]
        return Masks(self.size_hw, self.boxes_xyxy[chosen], np.concatenate([self.packed[:0], *pieces]))

    def crop(self, position: int) -> BoolArray:
        """The mask at `position` inside its tight box, `(y1 - y0, x1 - x0)` bool."""
        x0, y0, x1, y1 = self.boxes_xyxy[position].tolist()
        packed = self.packed[self._offsets[position] : self._offsets[position + 1]]
        bits = np.unpackbits(packed, count=(y1 - y0) * (x1 - x0))
        return bits.reshape(y1 - y0, x1 - x0).view(np.bool_)

    def crops(self) -> Iterator[tuple[BoolArray, tuple[slice, slice]]]:
        """Each mask's crop with the rows and columns of the picture that it covers."""
        for position, (x0, y0, x1, y1) in enumerate(self.boxes_xyxy.tolist()):
            yield self.crop(position), (slice(y0, y1), slice(x0, x1))

    def dense(self) -> BoolArray:
        """All masks at the picture's size, `(N, H, W)` bool. Large: a byte a pixel and mask."""
        stack = np.zeros((len(self), *self.size_hw), np.bool_)
        for mask, (crop, where) in zip(stack, self.crops(), strict=True):
            mask[where] = crop
        return stack

    @cached_property
    def areas(self) -> IntArray:
        """`(N,)` int64, pixels in each mask."""
        areas = np.zeros(len(self), np.int64)
        begins, ends = self._offsets[:-1], self._offsets[1:]
        present = begins < ends
        if present.any():
            areas[present] = np.add.reduceat(_BITS_IN_BYTE[self.packed], begins[present], dtype=np.int64)
        return areas

    @cached_property
    def centroids_xy(self) -> FloatArray:
        """`(N, 2)` float32, the mean pixel centre of each mask; `(0, 0)` for an empty one."""
        centroids = np.zeros((len(self), 2), np.float32)
        for position in np.flatnonzero(self.areas).tolist():
            across, down = _sums(self.crop(position))
            x0, y0, _, _ = self.boxes_xyxy[position].tolist()
            centroids[position] = (
                x0 + across @ np.arange(len(across)) / self.areas[position],
                y0 + down @ np.arange(len(down)) / self.areas[position],
            )
        return centroids

    def union(self) -> BoolArray:
        """Pixels that lie in any mask, `(H, W)` bool."""
        covered = np.zeros(self.size_hw, np.bool_)
        for crop, where in self.crops():
            covered[where] |= crop
        return covered

    def areas_inside(self, region: BoolArray) -> IntArray:
        """`(N,)` int64, pixels of each mask that lie in the `(H, W)` bool `region`."""
        return np.array([np.count_nonzero(crop & region[where]) for crop, where in self.crops()], np.int64)

    def without(self, region: BoolArray) -> Masks:
        """The masks less the pixels of the `(H, W)` bool `region`."""
        return Masks.from_crops(
            self.size_hw, [crop & ~region[where] for crop, where in self.crops()], self.boxes_xyxy[:, :2]
        )

    @cached_property
    def run_lengths(self) -> list[list[int]]:
        """Lengths of the runs of 0 and 1 in turn, down the columns of the whole picture, a list a mask."""
        return [_run_lengths(crop, where, self.size_hw) for crop, where in self.crops()]

    def rles(self) -> list[dict[str, Any]]:
        """COCO run-length encodings, `{"size": [H, W], "counts": str}`, as pycocotools writes them."""
        height, width = self.size_hw
        return [{"size": [height, width], "counts": counts} for counts in self._rle_counts]

    @cached_property
    def _rle_counts(self) -> list[str]:
        height, width = self.size_hw
        runs = [{"size": [height, width], "counts": lengths} for lengths in self.run_lengths]
        encoded = coco_mask.frPyObjects(runs, height, width) if runs else []
        return [rle["counts"].decode("ascii") for rle in encoded]


def _run_lengths(crop: BoolArray, where: tuple[slice, slice], size_hw: tuple[int, int]) -> list[int]:
    """Lengths of the runs of 0 and 1 in turn, down the columns of the whole picture, from the crop alone."""
    rows, columns = where
    height, width = size_hw
    padded = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)
    padded[:, 1:-1] = crop.T
    steps = np.diff(padded, axis=1)
    column, row = np.nonzero(steps)
    edges = (columns.start + column) * height + rows.start + row
    # A run that reaches the bottom edge goes on at the top of the next column: one run, not two.
    joined = np.flatnonzero((edges[:-1] == edges[1:]) & (steps[column, row][:-1] == -1))
    edges = np.delete(edges, np.concatenate([joined, joined + 1]))
    lengths = np.diff(np.concatenate([[0], edges, [height * width]]))
    return lengths[: len(lengths) - (lengths[-1] == 0)].tolist()


def _sums(crop: BoolArray) -> tuple[IntArray, IntArray]:
    """Pixels in each column and in each row of a crop; OpenCV adds them up several times as fast as numpy."""
    bits = crop.view(np.uint8)
    across, down = (cv2.reduce(bits, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S) for axis in (0, 1))
    return across.ravel().astype(np.int64), down.ravel().astype(np.int64)


_BITS_IN_BYTE = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)


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


def _trim(crop: BoolArray) -> tuple[BoolArray, tuple[int, ...]]:
    """Cut a crop to its True pixels; the box is relative to the crop."""
    box = tuple(tight_boxes(crop[None])[0].tolist())
    x0, y0, x1, y1 = box
    return crop[y0:y1, x0:x1], box


def _pack(crops: Sequence[BoolArray]) -> NDArray[np.uint8]:
    return np.concatenate([np.zeros(0, np.uint8), *(np.packbits(crop) for crop in crops)])


def _size_of(dense: BoolArray) -> tuple[int, int]:
    if dense.ndim != 3:
        raise ValueError(f"dense masks must have shape (N, H, W), not {dense.shape}")
    return dense.shape[1], dense.shape[2]
