"""N binary masks of one picture in compact form: each cropped to its tight box, its pixels packed as bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index as as_index
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from sav.data.crops import bits_set, centroid_xy, pack, run_lengths, tight_boxes, trim
from sav.data.mask_boxes import check_mask_boxes, highest_ious, joint_boxes, packed_offsets, windows_in
from sav.data.rle import compressed, rle_iou
from sav.data.types import Arrays, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False, repr=False)
class Masks(Arrays):
    """N masks of a `size_hw` picture.

    A dense stack of 300 masks at 4000x3000 pixels takes 3.6 GB; this takes the area of the masks' tight boxes
    divided by eight. An empty mask has the box `(0, 0, 0, 0)` and no bits.

    `masks[3]` and `for mask in masks` give one mask at the picture's size, `(H, W)` bool; `masks[3:5]` and
    `masks[masks.areas > 100]` give masks in compact form again. Two are equal if their pixels are.

    Attributes:
        size_hw: Height and width of the picture.
        boxes_xyxy: `(N, 4)` int64, tight boxes in pixels, right and bottom edges exclusive.
        packed: `(B,)` uint8, the crops one after the other, each in row-major order, the first pixel in the
            highest bit (`numpy.packbits`), each padded to a whole byte.

    Raises:
        ValueError: If one has another shape or type, or boxes do not lie in the picture.
    """

    size_hw: tuple[int, int]
    boxes_xyxy: IntArray
    packed: NDArray[np.uint8]

    def __post_init__(self) -> None:
        check_mask_boxes(self.boxes_xyxy, self.size_hw)
        if self.packed.dtype != np.uint8:
            raise ValueError(f"packed must be uint8, not {self.packed.dtype}")
        if self.packed.shape != (int(self._offsets[-1]),):
            raise ValueError(f"packed has {self.packed.size} bytes, the boxes ask for {self._offsets[-1]}")

    @cached_property
    def _offsets(self) -> IntArray:
        """`(N + 1,)` where each crop's bytes begin."""
        return packed_offsets(self.boxes_xyxy)

    @classmethod
    def empty(cls, size_hw: tuple[int, int]) -> Masks:
        """No masks."""
        return cls(size_hw, np.zeros((0, 4), np.int64), np.zeros(0, np.uint8))

    @classmethod
    def from_dense(cls, dense: BoolArray) -> Masks:
        """Compress a `(N, H, W)` bool stack.

        Raises:
            ValueError: If it has another number of dimensions.
        """
        if dense.ndim != 3:
            raise ValueError(f"dense masks must have shape (N, H, W), not {dense.shape}")
        boxes = tight_boxes(dense)
        crops = [mask[y0:y1, x0:x1] for mask, (x0, y0, x1, y1) in zip(dense, boxes.tolist(), strict=True)]
        return cls((dense.shape[1], dense.shape[2]), boxes, pack(crops))

    @classmethod
    def from_crops(cls, size_hw: tuple[int, int], crops: Sequence[BoolArray], corners_xy: IntArray) -> Masks:
        """Compress one `(h, w)` bool crop a mask, trimmed; its top left pixel lies at `corners_xy[i]`."""
        tight = [trim(crop) for crop in crops]
        boxes = np.array([box for _, box in tight], np.int64).reshape(-1, 4)
        present = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        boxes[present] += np.tile(np.asarray(corners_xy, np.int64).reshape(-1, 2), 2)[present]
        return cls(size_hw, boxes, pack([crop for crop, _ in tight]))

    @classmethod
    def concatenate(cls, size_hw: tuple[int, int], parts: Sequence[Masks]) -> Masks:
        """Join several tables of masks of the same picture, in order.

        Raises:
            ValueError: If one is of a picture of another size.
        """
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

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Masks):
            return NotImplemented
        return (
            self.size_hw == other.size_hw
            and np.array_equal(self.boxes_xyxy, other.boxes_xyxy)
            and np.array_equal(self.packed, other.packed)
        )

    def __repr__(self) -> str:
        return f"<Masks: {len(self)} of {self.size_hw[1]}x{self.size_hw[0]} pixels>"

    def __iter__(self) -> Iterator[BoolArray]:
        return (self[position] for position in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> BoolArray: ...

    @overload
    def __getitem__(self, index: slice | NDArray[Any] | list[int] | list[bool]) -> Masks: ...

    def __getitem__(self, index: Any) -> BoolArray | Masks:
        """One mask at the picture's size, `(H, W)` bool, or those that a slice, indices or flags pick."""
        if not isinstance(index, slice) and np.ndim(index) == 0:
            mask = np.zeros(self.size_hw, np.bool_)
            position = range(len(self))[as_index(index)]
            mask[self._place(position)] = self.crop(position)
            return mask

        chosen = np.arange(len(self))[index]
        pieces = [self.bits(i) for i in chosen.tolist()]
        return Masks(self.size_hw, self.boxes_xyxy[chosen], np.concatenate([self.packed[:0], *pieces]))

    def crop(self, position: int) -> BoolArray:
        """The mask at `position` inside its tight box, `(y1 - y0, x1 - x0)` bool."""
        position = range(len(self))[position]
        x0, y0, x1, y1 = self.boxes_xyxy[position].tolist()
        bits = np.unpackbits(self.bits(position), count=(y1 - y0) * (x1 - x0))
        return bits.reshape(y1 - y0, x1 - x0).view(np.bool_)

    def bits(self, position: int) -> NDArray[np.uint8]:
        """The bytes of the mask at `position` in `packed`."""
        return self.packed[self._offsets[position] : self._offsets[position + 1]]

    def crops(self) -> Iterator[tuple[BoolArray, tuple[slice, slice]]]:
        """Each mask's crop with the rows and columns of the picture that it covers."""
        for position in range(len(self)):
            yield self.crop(position), self._place(position)

    def _place(self, position: int) -> tuple[slice, slice]:
        x0, y0, x1, y1 = self.boxes_xyxy[position].tolist()
        return slice(y0, y1), slice(x0, x1)

    def dense(self) -> BoolArray:
        """All masks at the picture's size, `(N, H, W)` bool. Large: a byte a pixel and mask."""
        stack = np.zeros((len(self), *self.size_hw), np.bool_)
        for mask, (crop, where) in zip(stack, self.crops(), strict=True):
            mask[where] = crop
        return stack

    @cached_property
    def areas(self) -> IntArray:
        """`(N,)` int64, pixels in each mask."""
        return bits_set(self.packed, self._offsets[:-1], self._offsets[1:])

    @cached_property
    def centroids_xy(self) -> FloatArray:
        """`(N, 2)` float32, the mean pixel centre of each mask; `(0, 0)` for an empty one."""
        centroids = np.zeros((len(self), 2), np.float32)
        for position in np.flatnonzero(self.areas).tolist():
            centroids[position] = self.boxes_xyxy[position, :2] + centroid_xy(self.crop(position))
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
        return self.within(~region)

    def within(self, region: BoolArray) -> Masks:
        """The masks' pixels that lie in the `(H, W)` bool `region`."""
        crops = [crop & region[where] for crop, where in self.crops()]
        return Masks.from_crops(self.size_hw, crops, self.boxes_xyxy[:, :2])

    def united(self, others: Masks) -> Masks:
        """Each mask with the pixels of the one at its place among as many `others`."""
        boxes = joint_boxes(self.boxes_xyxy, others.boxes_xyxy)
        crops = [np.zeros((y1 - y0, x1 - x0), np.bool_) for x0, y0, x1, y1 in boxes.tolist()]
        for masks in (self, others):
            corners = (masks.boxes_xyxy[:, :2] - boxes[:, :2]).tolist()
            for crop, (x, y), (part, _) in zip(crops, corners, masks.crops(), strict=True):
                if part.size:
                    crop[y : y + part.shape[0], x : x + part.shape[1]] |= part
        return Masks.from_crops(self.size_hw, crops, boxes[:, :2])

    def areas_within(self, boxes_xyxy: NDArray[Any]) -> IntArray:
        """`(N,)` int64, pixels of each mask in its own box of the `(N, 4)` boxes, fractions of pixels or not.

        A pixel that a box touches is in it.

        Raises:
            ValueError: If that is not a box a mask.
        """
        if boxes_xyxy.shape != self.boxes_xyxy.shape:
            raise ValueError(
                f"{len(self)} masks need boxes of shape {self.boxes_xyxy.shape}, not {boxes_xyxy.shape}"
            )
        windows = windows_in(self.boxes_xyxy, boxes_xyxy).tolist()
        parts = (
            crop[y0:y1, x0:x1] for (crop, _), (x0, y0, x1, y1) in zip(self.crops(), windows, strict=True)
        )
        return np.array([np.count_nonzero(part) for part in parts], np.int64)

    def iou_matrix(self, others: Masks | None = None) -> NDArray[np.float64]:
        """`(N, M)`, IoU of each mask with each of `others`, by default with each other; see `rle_iou`.

        Raises:
            ValueError: If the others are of a picture of another size.
        """
        return rle_iou(self.rles(), (self if others is None else others).rles())

    def highest_ious(self) -> NDArray[np.float64]:
        """`(N, N)`, what the IoU of each mask with each other one is at most, by their boxes and areas."""
        return highest_ious(self.boxes_xyxy, self.areas)

    @cached_property
    def run_lengths(self) -> list[list[int]]:
        """Lengths of the runs of 0 and 1 in turn, down the columns of the whole picture, a list a mask."""
        return [run_lengths(crop, where, self.size_hw) for crop, where in self.crops()]

    def rles(self) -> list[dict[str, Any]]:
        """COCO run-length encodings, `{"size": [H, W], "counts": str}`, as pycocotools writes them."""
        height, width = self.size_hw
        return [{"size": [height, width], "counts": counts} for counts in self.rle_counts]

    @cached_property
    def rle_counts(self) -> list[str]:
        """The counts of COCO's run-length encodings, a text a mask."""
        return compressed(self.run_lengths, self.size_hw)
