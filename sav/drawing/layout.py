"""Where labels go: each beside or on its own object, off all others, and steady from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sav.data.types import BoolArray, FloatArray, IntArray
from sav.drawing.steady import Memory, shares
from sav.drawing.visible import Visible

# The places that a plate can take: a point of its object's box, the point of the plate that lies there (both
# as shares of width and height), how far it is moved off (in heights of the plate), how unwelcome it is.
_BESIDE = (
    (0, 0, 0, 1, 0, 0, 0.00),
    (1, 0, 1, 1, 0, 0, 0.04),
    (0, 1, 0, 0, 0, 0, 0.08),
    (1, 1, 1, 0, 0, 0, 0.10),
    (1, 0, 0, 0, 0, 0, 0.16),
    (0, 0, 1, 0, 0, 0, 0.18),
    (1, 1, 0, 1, 0, 0, 0.20),
    (0, 1, 1, 1, 0, 0, 0.22),
)
_INSIDE = (
    (0, 0, 0, 0, 0, 0, 0.06),
    (1, 0, 1, 0, 0, 0, 0.10),
    (0, 1, 0, 1, 0, 0, 0.14),
    (1, 1, 1, 1, 0, 0, 0.16),
)
_AWAY = tuple(
    (x, y, 1 - x, 1 - y, (2 * x - 1) * steps, (2 * y - 1) * steps, 0.7 + 0.08 * steps)
    for steps in (0.7, 1.6, 3.0, 5.0, 8.0)
    for x, y in ((0.5, 0), (0.5, 1), (0, 0.5), (1, 0.5), (0, 0), (1, 0), (0, 1), (1, 1))
)
_PLACES = np.array((*_BESIDE, *_INSIDE, *_AWAY), np.float32)
# One more place is on the middle of what is seen of the object.
_UNWELCOME = np.append(_PLACES[:, 6], np.float32(0.3))
_IS_AWAY = np.isin(np.arange(len(_UNWELCOME)), len(_BESIDE) + len(_INSIDE) + np.arange(len(_AWAY)))

# What it costs to cover others, as a share of the plate and of them; the same of the object itself; to touch
# neither the object nor its box; each height that the picture's edge moves a plate.
_OTHERS_OF_PLATE, _OTHERS_OF_THEM = 0.9, 3.0
_ITSELF_OF_PLATE, _ITSELF_OF_IT = 0.1, 2.0
_DETACHED = 0.3
_MOVED = 0.05


@dataclass(frozen=True, eq=False)
class Placed:
    """Where N plates lie.

    Attributes:
        corners_xy: `(N, 2)` int64, their top left pixels.
        is_apart: `(N,)` bool, whether a plate lies so far from its object that a line must lead to it.
        targets_xy: `(N, 2)` float32, where that line ends.
    """

    corners_xy: IntArray
    is_apart: BoolArray
    targets_xy: FloatArray


def place_plates(
    visible: Visible,
    boxes_xyxy: FloatArray,
    sizes_wh: IntArray,
    has_frame: BoolArray,
    track_ids: Sequence[int],
    memory: Memory,
    reserved_xyxy: FloatArray,
) -> Placed:
    """Find a place for each plate; those that are remembered choose first, then the smallest objects.

    Args:
        visible: What is seen of the objects.
        boxes_xyxy: `(N, 4)` the boxes beside which the plates go.
        sizes_wh: `(N, 2)` the plates' sizes.
        has_frame: `(N,)` bool, whether an object's box is drawn, so that a label can belong to that.
        track_ids: The N objects' ids.
        memory: The labels' places in the frames before; brought up to date.
        reserved_xyxy: `(R, 4)` where no plate is to lie.
    """
    targets = visible.middles(boxes_xyxy)
    size_hw = tuple(side * visible.cell for side in visible.owners.shape)
    wanted = _candidates(boxes_xyxy, sizes_wh, targets)
    rectangles = _inside_picture(wanted, size_hw)
    costs, is_apart = _costs(visible, wanted, rectangles, boxes_xyxy, has_frame)

    lately = memory.lately(track_ids, costs)
    chosen = np.zeros(len(sizes_wh), np.int64)
    plates = np.zeros((len(sizes_wh), 4), np.float32)
    is_new = np.array([memory.held(track_id) is None for track_id in track_ids], np.bool_)
    order = np.lexsort((np.asarray(track_ids), visible.areas * is_new, is_new))
    for count, position in enumerate(order.tolist()):
        others = np.concatenate([reserved_xyxy, plates[order[:count]]])
        covered = _covered(rectangles[position], others)
        place = memory.settle(track_ids[position], lately[position], covered)
        plates[position], chosen[position] = rectangles[position, place], place

    rows = np.arange(len(chosen))
    return Placed(plates[:, :2].astype(np.int64), is_apart[rows, chosen] & _IS_AWAY[chosen], targets)


def _covered(rectangles: FloatArray, plates: FloatArray) -> FloatArray:
    """`(C,)` how much of `(K, 4)` plates each place of one more would cover: 0, or from 1 to K + 1."""
    shared = shares(rectangles[:, None], plates[None])
    return (shared > 0).any(axis=1) + shared.sum(axis=1) / max(float(shared.max(initial=0)), 1.0)


def _candidates(boxes_xyxy: FloatArray, sizes_wh: IntArray, middles_xy: FloatArray) -> FloatArray:
    """`(N, C, 4)`, the rectangle of each object's plate in each place."""
    box_point, plate_point, steps = _PLACES[:, :2], _PLACES[:, 2:4], _PLACES[:, 4:6]
    sizes = sizes_wh[:, None].astype(np.float32)
    corners = boxes_xyxy[:, None, :2] + box_point * (boxes_xyxy[:, None, 2:] - boxes_xyxy[:, None, :2])
    corners = corners - plate_point * sizes + steps * sizes[..., 1:]
    in_the_middle = middles_xy[:, None] - sizes / 2
    corners = np.rint(np.concatenate([corners, in_the_middle], axis=1))
    return np.concatenate([corners, corners + sizes], axis=2).astype(np.float32)


def _inside_picture(rectangles: FloatArray, size_hw: Sequence[int]) -> FloatArray:
    """Rectangles `(..., 4)` moved as far as it takes to be inside the picture."""
    far = np.minimum(np.array(size_hw[::-1], np.float32) - rectangles[..., 2:], 0)
    near = np.maximum(-(rectangles[..., :2] + far), 0)
    return rectangles + np.concatenate([far + near] * 2, axis=-1)


def _costs(
    visible: Visible, wanted: FloatArray, rectangles: FloatArray, boxes_xyxy: FloatArray, has_frame: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """`(N, C)` what each place costs, other plates aside, and whether it touches nothing of the object."""
    heights = rectangles[..., 3] - rectangles[..., 1]
    plates = heights * (rectangles[..., 2] - rectangles[..., 0])
    areas = np.maximum(visible.areas, 1)[:, None].astype(np.float32)

    half = np.float32(0.5)
    surroundings = rectangles + half * heights[..., None] * np.array([-1, -1, 1, 1], np.float32)
    own, own_around = np.split(visible.own(np.concatenate([rectangles, surroundings], axis=1)), 2, axis=1)
    others_of_plate = np.maximum(visible.covered(rectangles) - own, 0) / plates
    others_of_them = np.maximum(visible.spoilt(rectangles) - own / areas, 0)
    itself = _ITSELF_OF_PLATE * own / plates + _ITSELF_OF_IT * own / areas

    at_frame = has_frame[:, None] & (shares(surroundings, boxes_xyxy[:, None]) > 0)
    is_apart = ~(at_frame | (own_around > 0))
    moved = np.abs(wanted - rectangles)[..., :2].sum(axis=-1) / heights

    others = _OTHERS_OF_PLATE * others_of_plate + _OTHERS_OF_THEM * others_of_them
    return _UNWELCOME + others + itself + _DETACHED * is_apart + _MOVED * moved, is_apart
