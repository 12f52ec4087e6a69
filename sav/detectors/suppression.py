"""Which of the boxes that a network gives are kept: of a whole batch at once, on the device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor

from sav.detectors.door import import_ultralytics

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


@dataclass(frozen=True, eq=False)
class Kept:
    """The N boxes that stay of a batch, picture by picture, the surest first.

    Attributes:
        boxes_xyxy: `(N, 4)` float32, in pixels of what the network sees.
        scores: `(N,)` float32.
        class_ids: `(N,)` int64.
        pictures: `(N,)` int64, the place in the batch.
    """

    boxes_xyxy: Tensor
    scores: Tensor
    class_ids: Tensor
    pictures: Tensor

    def __getitem__(self, index: Tensor) -> Kept:
        """Those that a mask or places pick."""
        return Kept(self.boxes_xyxy[index], self.scores[index], self.class_ids[index], self.pictures[index])


def chosen(table: Tensor, limits: Limits) -> Kept:
    """What stays of the boxes of a head that gives each object once.

    Args:
        table: `(B, N, 6 or more)`: corners, score, class.
        limits: What is kept.
    """
    table = table.float()
    class_ids = table[..., 5].long()
    found = _found(table[..., :4], table[..., 4], class_ids, limits)
    return _surest(found, limits.max_det)


def suppressed(table: Tensor, limits: Limits, class_count: int) -> Kept:
    """What stays of the boxes of a head that gives each object several times; as ultralytics does it.

    Args:
        table: `(B, 4 + classes or more, N)`: x, y, width, height of a box, and its score for each class.
        limits: What is kept.
        class_count: How many classes there are.
    """
    scores, class_ids = table[:, 4 : 4 + class_count].max(1)
    found = _found(table[:, :4].transpose(1, 2), scores.float(), class_ids, limits)
    centre, half = found.boxes_xyxy[:, :2], found.boxes_xyxy[:, 2:] / 2
    found = Kept(torch.cat([centre - half, centre + half], 1), found.scores, found.class_ids, found.pictures)
    if len(found.pictures) > _MOST_UPRIGHT:
        found = _surest(found[found.scores.argsort(descending=True, stable=True)], _MOST_UPRIGHT)
    return _surest(_apart(found, limits, len(table), class_count), limits.max_det)


def suppressed_turned(table: Tensor, limits: Limits, class_count: int, chooses: bool) -> Kept:
    """What stays of oriented boxes, as the upright boxes around them.

    Args:
        table: As for `suppressed`, or, of a head that `chooses`, for `chosen`, but with x, y, width and
            height; the last column is the angle in radians.
        limits: What is kept.
        class_count: How many classes there are.
        chooses: Whether the head gives each object once.
    """
    wanted = None if limits.are_wanted is None else limits.are_wanted.nonzero().flatten().tolist()
    rows = import_ultralytics().utils.nms.non_max_suppression(
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
    pictures = [boxes.new_full((len(boxes),), place, dtype=torch.long) for place, boxes in enumerate(rows)]
    boxes = torch.cat(rows).float()
    upright = upright_around(boxes[:, :4], boxes[:, -1:])
    return Kept(upright, boxes[:, 4], boxes[:, 5].long(), torch.cat(pictures))


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


def _found(boxes: Tensor, scores: Tensor, class_ids: Tensor, limits: Limits) -> Kept:
    """The boxes `(B, N, 4)` that are sure enough, of a wanted class, and finite; it waits for them."""
    are_found = (scores > limits.conf) & boxes.isfinite().all(-1)
    if limits.are_wanted is not None:
        are_found &= limits.are_wanted[class_ids]
    pictures, places = are_found.nonzero(as_tuple=True)
    index = pictures, places
    return Kept(boxes[index].float(), scores[index], class_ids[index], pictures)


def _surest(found: Kept, most: int) -> Kept:
    """The first boxes of each picture, of boxes in order of their scores; then picture by picture."""
    found = found[found.pictures.argsort(stable=True)]
    pictures = found.pictures
    ranks = torch.arange(len(pictures), device=pictures.device) - torch.searchsorted(pictures, pictures)
    return found if len(pictures) <= most else found[ranks < most]


def _apart(found: Kept, limits: Limits, batch: int, class_count: int) -> Kept:
    """The boxes of which no surer one of the same class in the same picture covers the same."""
    # Metal has no float64, in which boxes that are moved apart keep their places to the last bit.
    dtype = torch.float32 if found.scores.device.type == "mps" else torch.float64
    boxes = found.boxes_xyxy.to(dtype)
    if len(boxes) == 0:
        return found
    groups = found.pictures if limits.names_once else found.pictures * class_count + found.class_ids
    apart = boxes + (groups * (boxes.amax() - boxes.amin() + 1))[:, None]
    if len(boxes) <= _MOST_AT_ONCE or batch == 1:
        return found[torchvision.ops.nms(apart, found.scores.to(dtype), limits.iou)]
    parts = []
    for picture in range(batch):
        own = (found.pictures == picture).nonzero().flatten()
        parts.append(own[torchvision.ops.nms(apart[own], found.scores[own].to(dtype), limits.iou)])
    return found[torch.cat(parts)]
