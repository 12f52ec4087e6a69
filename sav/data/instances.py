"""Instances: objects or regions of one picture as a table, an array a column and a row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, overload

import numpy as np

from sav.data.masks import Masks
from sav.data.types import (
    UNLABELLED,
    UNLABELLED_ID,
    Arrays,
    BoolArray,
    FloatArray,
    IntArray,
    check_array,
)

# A mask with less than this share of its pixels inside its box belongs to something else.
_LEAST_INSIDE = 0.5
# One whose own tight box covers less than this share of its box is a spot on what the box is about. Not the
# pixels count, since a pole that stands aslant fills a hundredth of its box, but how far they reach: of 324
# masks of TestImages those of something reach over half of their boxes and more, the one of nothing over 7 %.
_LEAST_COVERED = 0.25


@dataclass(frozen=True, eq=False)
class Instance(Arrays):
    """One object or region.

    Attributes:
        id: Of an object in a video its identity, in a picture its number from 1; of a region see `Scene`.
        class_id: In the detector's own numbering; `UNLABELLED_ID` of a region.
        class_name: What the detector calls it, `unlabelled` of a region; of an object that comes from a table
            and not from its scene, empty: a table has the numbers of classes alone.
        score: 0 to 1.
        box_xyxy: `(4,)` float32, in pixels: the detector's of an object, the mask's own of a region.
        mask: `(H, W)` bool.
        is_doubtful: Whether the mask is empty, lies for the most part outside the box, or is a spot in it.
    """

    id: int
    class_id: int
    class_name: str
    score: float
    box_xyxy: FloatArray
    mask: BoolArray
    is_doubtful: bool

    @property
    def track_id(self) -> int:
        """The `id`, by the name that it has in `Scene.track_ids`."""
        return self.id

    def __repr__(self) -> str:
        box = ", ".join(f"{side:.0f}" for side in self.box_xyxy.tolist())
        area = int(np.count_nonzero(self.mask))
        name = self.class_name or f"class {self.class_id}"
        return f"<Instance {self.id}: {name} {self.score:.2f}, box {box}, {area} pixels>"


@dataclass(frozen=True, eq=False, repr=False)
class Instances(Arrays):
    """N objects or regions of one picture.

    `instances[3]` and `for instance in instances` give single rows; a boolean mask, an index array or a slice
    gives a table of some. Tables can be compared, copied and pickled.

    Attributes:
        boxes_xyxy: `(N, 4)` float32, pixels: the detector's of objects, the masks' own of regions.
        scores: `(N,)` float32, 0 to 1: the detector's of objects, of regions SAM's estimate of their masks.
        class_ids: `(N,)` int64, the detector's own numbering; `UNLABELLED_ID` of regions.
        ids: `(N,)` int64, which one each is, whatever its position.
        masks: The N masks.

    Raises:
        ValueError: If a column has another shape or type, or is not finite.
    """

    boxes_xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray
    ids: IntArray
    masks: Masks

    def __post_init__(self) -> None:
        count = len(self.masks)
        check_array("boxes_xyxy", self.boxes_xyxy, (count, 4), np.float32)
        check_array("scores", self.scores, (count,), np.float32)
        check_array("class_ids", self.class_ids, (count,), np.int64)
        check_array("ids", self.ids, (count,), np.int64)

    @classmethod
    def empty(cls, size_hw: tuple[int, int]) -> Instances:
        """No instances of a picture of that height and width."""
        none = np.zeros(0, np.int64)
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), none, none.copy(), Masks.empty(size_hw)
        )

    @classmethod
    def unlabelled(cls, masks: Masks, scores: FloatArray, ids: IntArray) -> Instances:
        """Regions: masks without a class, in their own tight boxes.

        Args:
            masks: The N masks.
            scores: `(N,)` float32, 0 to 1.
            ids: `(N,)` int64.
        """
        classes = np.full(len(masks), UNLABELLED_ID, np.int64)
        return cls(masks.boxes_xyxy.astype(np.float32), scores, classes, ids, masks)

    @classmethod
    def concatenate(cls, size_hw: tuple[int, int], parts: Sequence[Instances]) -> Instances:
        """Join several tables about the same picture, in order."""
        tables = [cls.empty(size_hw), *parts]
        return cls(
            np.concatenate([part.boxes_xyxy for part in tables]),
            np.concatenate([part.scores for part in tables]),
            np.concatenate([part.class_ids for part in tables]),
            np.concatenate([part.ids for part in tables]),
            Masks.concatenate(size_hw, [part.masks for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.masks)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Instance: ...

    @overload
    def __getitem__(self, index: Any) -> Instances: ...

    def __getitem__(self, index: Any) -> Instance | Instances:
        """One row by its position, or those that a boolean mask, an index array or a slice picks."""
        if isinstance(index, Integral) and not isinstance(index, bool):
            return self._row(range(len(self))[int(index)])
        return Instances(
            self.boxes_xyxy[index],
            self.scores[index],
            self.class_ids[index],
            self.ids[index],
            self.masks[index],
        )

    def __iter__(self) -> Iterator[Instance]:
        """The rows one by one, in order."""
        return (self._row(position) for position in range(len(self)))

    def __repr__(self) -> str:
        return f"<Instances: {len(self)} of {self.size_hw[1]}x{self.size_hw[0]} pixels>"

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self.masks.size_hw

    @cached_property
    def doubtful(self) -> BoolArray:
        """`(N,)` bool: whose mask does not fit its box.

        It is empty, lies for the most part outside the box, or is a spot in it: its own tight box covers less
        than a quarter of what of the box is in the picture.
        """
        inside = self.masks.areas_within(self.boxes_xyxy)
        is_elsewhere = (self.masks.areas == 0) | (inside < _LEAST_INSIDE * self.masks.areas)
        return is_elsewhere | self._are_spots()

    def _are_spots(self) -> BoolArray:
        boxes, tight = np.clip(self.boxes_xyxy, 0, self.size_hw[::-1] * 2), self.masks.boxes_xyxy
        low, high = np.maximum(boxes[:, :2], tight[:, :2]), np.minimum(boxes[:, 2:], tight[:, 2:])
        covered = np.maximum(high - low, 0).prod(axis=1)
        least = _LEAST_COVERED * (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
        return np.asarray(covered < least, np.bool_)

    def _row(self, position: int) -> Instance:
        class_id = int(self.class_ids[position])
        return Instance(
            id=int(self.ids[position]),
            class_id=class_id,
            class_name=UNLABELLED if class_id == UNLABELLED_ID else "",
            score=float(self.scores[position]),
            box_xyxy=self.boxes_xyxy[position].copy(),
            mask=self.masks[position],
            is_doubtful=bool(self.doubtful[position]),
        )
