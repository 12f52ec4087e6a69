"""Which of the boxes that a network gives are kept: of a whole batch at once, on the device.

Boxes are rows of seven numbers, float32: two corners in pixels of what the network sees, score, class, and
the picture's place in the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sav.detectors.door import import_ultralytics
from sav.operators import nms

SCORE, CLASS, PICTURE = 4, 5, 6
# The surest boxes of a picture that are compared with each other; of turned ones every pair is, in one table.
_MOST_UPRIGHT, _MOST_TURNED = 30_000, 4_000
# Boxes up to which pictures are compared in one go, each with its own alone.
_MOST_AT_ONCE = 20_000


@dataclass(frozen=True)
class Limits:
    """What is kept.

    Attributes:
        conf: A box is surer than this.
        iou: IoU above which the less sure of two boxes of a class goes.
        max_det: Most boxes in a picture.
        are_wanted: `(classes,)` bool on the device, which classes are; None for all.
        names_once: Whether of boxes of different classes the less sure one goes, too.
    """

    conf: float
    iou: float
    max_det: int
    are_wanted: Tensor | None = None
    names_once: bool = False


def candidates(table: Tensor, class_count: int, chooses: bool) -> Tensor:
    """All boxes of what a head gives: `(B * N, 7)`, of the best class each; one that is no box has no score.

    Args:
        table: `(B, 4 + classes or more, N)`: x, y, width, height of a box, and its score for each class; or,
            if the head `chooses`, `(B, N, 6 or more)`: corners, score, class.
        class_count: How many classes there are.
        chooses: Whether the head gives each object once.
    """
    if chooses:
        rows = table[..., :6].float()
    else:
        scores, class_ids = table[:, 4 : 4 + class_count].max(1)
        centre, half = table[:, :2].float(), table[:, 2:4].float() / 2
        columns = [centre - half, centre + half, scores[:, None].float(), class_ids[:, None].float()]
        rows = torch.cat(columns, 1).transpose(1, 2)
    is_sound = rows.isfinite().all(-1, keepdim=True)
    pictures = torch.arange(len(rows), device=rows.device, dtype=rows.dtype)[:, None, None]
    rows = torch.cat([torch.where(is_sound, rows, -1), pictures.expand_as(rows[..., :1])], -1)
    return rows.flatten(0, 1)


def chosen(rows: Tensor, limits: Limits) -> Tensor:
    """Those of a head's candidates that are kept where it gives each object once; it waits for them."""
    return rows[_are_found(rows, limits)]


def suppressed(rows: Tensor, limits: Limits, batch: int, class_count: int) -> Tensor:
    """Those that are kept where it gives each several times; as ultralytics does it. It waits for them.

    Args:
        rows: All candidates.
        limits: What is kept.
        batch: How many pictures there are.
        class_count: How many classes there are.

    Returns:
        `(K, 7)`, picture by picture, the surest first.
    """
    rows = rows[_are_found(rows, limits)]
    if len(rows) > _MOST_UPRIGHT:
        rows = _surest(rows[rows[:, SCORE].argsort(descending=True, stable=True)], _MOST_UPRIGHT)
    if not len(rows):
        return rows

    # Metal has no float64, in which boxes that are moved apart keep their places to the last bit.
    exact = rows.float() if rows.device.type == "mps" else rows.double()
    boxes, group = exact[:, :SCORE], exact[:, PICTURE:]
    if not limits.names_once:
        group = group * class_count + exact[:, CLASS:PICTURE]
    low, high = boxes.aminmax()
    apart = boxes + group * (high - low + 1)
    if len(rows) <= _MOST_AT_ONCE or batch == 1:
        rows = rows[nms(apart, exact[:, SCORE], limits.iou)]
        return rows if batch == 1 else rows[rows[:, PICTURE].argsort(stable=True)]
    places = []
    for picture in range(batch):
        own = (rows[:, PICTURE] == picture).nonzero().flatten()
        places.append(own[nms(apart[own], exact[own, SCORE], limits.iou)])
    return rows[torch.cat(places)]


def suppressed_turned(table: Tensor, limits: Limits, class_count: int, chooses: bool) -> Tensor:
    """What stays of oriented boxes, `(K, 7)`, as the upright boxes around them.

    Args:
        table: As for `candidates`, but x, y, width and height in any case; the last column is the angle in
            radians.
        limits: What is kept.
        class_count: How many classes there are.
        chooses: Whether the head gives each object once.
    """
    wanted = None if limits.are_wanted is None else limits.are_wanted.nonzero().flatten().tolist()
    found = import_ultralytics().utils.nms.non_max_suppression(
        table,
        conf_thres=limits.conf,
        iou_thres=limits.iou,
        classes=wanted,
        max_det=limits.max_det,
        agnostic=limits.names_once,
        nc=class_count,
        end2end=chooses,
        max_time_img=float("inf"),  # a slow machine gives the same boxes
        rotated=True,
        max_nms=_MOST_TURNED,
    )
    pictures = [boxes.new_full((len(boxes), 1), place) for place, boxes in enumerate(found)]
    boxes = torch.cat(found).float()
    upright = upright_around(boxes[:, :4], boxes[:, -1:])
    return torch.cat([upright, boxes[:, 4:6], torch.cat(pictures).float()], 1)


def upright_around(boxes_xywh: Tensor, angles: Tensor) -> Tensor:
    """The smallest upright boxes `(N, 4)` around oriented ones, which is what SAM takes as a prompt.

    Args:
        boxes_xywh: `(N, 4)`: centre, width, height.
        angles: `(N, 1)`, in radians.
    """
    centre, size = boxes_xywh.split(2, dim=1)
    along, across = angles.cos().abs(), angles.sin().abs()
    half = (size.abs() * along + size.abs().flip(1) * across) / 2
    return torch.cat([centre - half, centre + half], 1)


def _are_found(rows: Tensor, limits: Limits) -> Tensor:
    """`(N,)` bool: which boxes are sure enough, and of a wanted class."""
    are_found = rows[:, SCORE] > max(limits.conf, 0)
    if limits.are_wanted is not None:
        are_found &= limits.are_wanted[rows[:, CLASS].long()]
    return are_found


def _surest(rows: Tensor, most: int) -> Tensor:
    """The first boxes of each picture, of boxes in order of their scores; then picture by picture."""
    rows = rows[rows[:, PICTURE].argsort(stable=True)]
    pictures = rows[:, PICTURE].contiguous()
    ranks = torch.arange(len(rows), device=rows.device) - torch.searchsorted(pictures, pictures)
    return rows[ranks < most]
