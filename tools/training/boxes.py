"""Boxes of a picture made fit for training: what is none goes, what is twice is there once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# What may be wrong with a box, as it stands in reports.
NO_SIZE, CROWD, OUTSIDE, CLIPPED, TWICE = (
    "boxes without size", "crowd boxes", "boxes outside the picture", "boxes clipped to the picture",
    "duplicate boxes",
)  # fmt: skip
# Pixels by which rounding may bring a box over the edge.
_OVER_THE_EDGE = 1.0
# Parts of a pixel in which boxes are compared.
_PARTS = 100


@dataclass(frozen=True, eq=False)
class Boxes:
    """The N boxes of a picture.

    Attributes:
        xyxy: `(N, 4)` float64, pixels.
        class_ids: `(N,)` int64, from 0.
        are_crowds: `(N,)` bool: many objects in one box (`iscrowd`).
    """

    xyxy: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    are_crowds: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.class_ids)

    def __getitem__(self, which: NDArray[np.bool_]) -> Boxes:
        return Boxes(self.xyxy[which], self.class_ids[which], self.are_crowds[which])

    @classmethod
    def none(cls) -> Boxes:
        """No boxes."""
        return cls.from_xywh([], [])

    @classmethod
    def from_xywh(cls, xywh: object, class_ids: object, are_crowds: object = None) -> Boxes:
        """Boxes of which the upper left corner, width and height are known, as in COCO's form."""
        table = np.asarray(xywh, np.float64).reshape(-1, 4)
        ids = np.asarray(class_ids, np.int64).reshape(-1)
        crowds = np.zeros(len(ids), bool) if are_crowds is None else np.asarray(are_crowds, bool).reshape(-1)
        with np.errstate(over="ignore"):
            corners = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], 1)
        return cls(corners, ids, crowds)


def sound(boxes: Boxes, size_wh: tuple[int, int]) -> tuple[Boxes, Counter[str]]:
    """The boxes that lie in a picture, clipped to it and each there once; crowds stay among them.

    Returns:
        The boxes, and how many had which defect.
    """
    defects: Counter[str] = Counter()
    with np.errstate(invalid="ignore"):
        have_size = np.isfinite(boxes.xyxy).all(1) & (boxes.xyxy[:, 2:] > boxes.xyxy[:, :2]).all(1)
    boxes = _counted(boxes, np.asarray(have_size), NO_SIZE, defects)

    clipped = np.clip(boxes.xyxy, 0, np.tile(np.asarray(size_wh, float), 2))
    are_inside = (clipped[:, 2:] > clipped[:, :2]).all(1)
    moved = (np.abs(clipped - boxes.xyxy) > _OVER_THE_EDGE).any(1) & are_inside
    defects[CLIPPED] += int(moved.sum())
    boxes = _counted(
        Boxes(clipped, boxes.class_ids, boxes.are_crowds), np.asarray(are_inside), OUTSIDE, defects
    )

    rows = np.column_stack([boxes.class_ids, boxes.are_crowds, np.rint(boxes.xyxy * _PARTS)])
    firsts = np.zeros(len(boxes), bool)
    firsts[np.unique(rows, axis=0, return_index=True)[1]] = True
    boxes = _counted(boxes, firsts, TWICE, defects)
    return boxes, +defects


def without_crowds(boxes: Boxes, defects: Counter[str]) -> Boxes:
    """The boxes of single objects, which are all that ultralytics can train with; others are counted."""
    return _counted(boxes, ~boxes.are_crowds, CROWD, defects)


def _counted(boxes: Boxes, kept: NDArray[np.bool_], defect: str, defects: Counter[str]) -> Boxes:
    if not kept.all():
        defects[defect] += int((~kept).sum())
    return boxes[kept]


def label_text(boxes: Boxes, size_wh: tuple[int, int]) -> str:
    """The boxes in YOLO's text form: class, centre and size as shares of the picture."""
    corners = boxes.xyxy / np.tile(np.asarray(size_wh, float), 2)
    shares = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1)
    # What rounds to nothing would be refused.
    shares[:, 2:] = np.maximum(shares[:, 2:], 1e-6)
    rows = zip(boxes.class_ids.tolist(), shares.tolist(), strict=True)
    return "".join(f"{number} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for number, (x, y, w, h) in rows)
