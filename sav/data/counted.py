"""Masks that are known by their run lengths, as they are stored; pixels are made for who asks for them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sav.data.crops import from_run_lengths, pack
from sav.data.mask_boxes import check_mask_boxes
from sav.data.masks import Masks
from sav.data.rle import decompressed
from sav.data.types import FloatArray, IntArray


class MaskMeasures(NamedTuple):
    """What is dear to work out of the pixels of N masks, under the names that it has in `Masks`.

    Attributes:
        areas: `(N,)` int64.
        centroids_xy: `(N, 2)` float32.
        rle_counts: N texts.
    """

    areas: IntArray
    centroids_xy: FloatArray
    rle_counts: list[str]

    @classmethod
    def of(cls, masks: Masks) -> MaskMeasures:
        """Those of some masks."""
        return cls(masks.areas, masks.centroids_xy, masks.rle_counts)


class CountedMasks(Masks):
    """Masks like any others, of which everything is known at once but the pixels.

    Files of numbers and run lengths are written of them in a fraction of the time.
    """

    def __init__(self, size_hw: tuple[int, int], boxes_xyxy: IntArray, measures: MaskMeasures) -> None:
        """Take over what is known.

        Args:
            size_hw: Height and width of the picture.
            boxes_xyxy: `(N, 4)` int64, tight boxes in pixels.
            measures: What was worked out of the pixels; its counts are the masks.

        Raises:
            ValueError: It is of another number of masks, or boxes are not in the picture.
        """
        vars(self).update(size_hw=size_hw, boxes_xyxy=boxes_xyxy, **measures._asdict())
        check_mask_boxes(boxes_xyxy, size_hw)
        lengths = {len(measures.areas), len(measures.centroids_xy), len(measures.rle_counts)}
        if lengths != {len(boxes_xyxy)}:
            raise ValueError(f"{len(boxes_xyxy)} masks cannot have {max(lengths)} areas, centroids or counts")

    @cached_property
    def packed(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """The pixels; see `Masks`."""
        crops = [
            from_run_lengths(decompressed(counts), box, self.size_hw)
            for counts, box in zip(self.rle_counts, self.boxes_xyxy.tolist(), strict=True)
        ]
        return pack(crops)

    @cached_property
    def run_lengths(self) -> list[list[int]]:  # type: ignore[override]
        """The runs, without making pixels; see `Masks`."""
        return [decompressed(counts).tolist() for counts in self.rle_counts]

    def __reduce__(self) -> tuple[Any, ...]:
        return Masks, (self.size_hw, self.boxes_xyxy, self.packed)
