"""What SAM finds beyond the named objects, with ids that last through a video.

Once a second, and after a cut, SAM is asked for everything. Between, each region is moved by the optical flow
of its pixels, and SAM is prompted with the box and the innermost point of what of it is visible: its answer
is taken where it is much the same region, else the moved one stays until everything is asked for again. What
objects hide of a region is remembered, so that it is the same one when they have passed.

All that is remembered follows from the frames and from what was shown in them, and not from what SAM said
that was not shown: a run that goes on after it was ended needs only those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import BoolArray, Frame, IntArray
from sav.sam.everything import segment_everything
from sav.sam.model import Embedding, SamModel
from sav.stages.regions.motion import MaskMotion
from sav.stages.unexplained import LEAST_AREA, unexplained
from sav.trackers.association import assign

# Ids of regions begin here, above those of objects, and fit into the 16 bits of a PNG.
FIRST_REGION_ID = 1 << 15

# Seconds after which everything is asked for anew, and for which a hidden region is remembered.
_ASK_AFTER = 1.0
_REMEMBERED = 2.0
# IoU above which two masks that were found are one region, and that a region has with its own next mask.
_DOUBLE = 0.7
_SAME = 0.7
# IoU above which a region that is found anew is one that is known, and regions that have come to be one are.
_KNOWN = 0.5
_GROWN_TOGETHER = 0.85
# Share of a region that objects must hide for it to be remembered unseen.
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False)
class _Memory:
    """The R regions that are known after a frame.

    Attributes:
        regions: With what objects hide of them, by ascending id.
        unseen: `(R,)` int64, for how many frames each was not shown.
        covered: `(H, W)` bool, the pixels of the frame that show objects.
    """

    regions: Instances
    unseen: IntArray
    covered: BoolArray


class RegionFollower:
    """Gives a video's frames their regions, one frame after the other."""

    def __init__(self, sam: SamModel, frame_rate: float) -> None:
        """Begin a video of so many frames a second."""
        self._sam = sam
        self._interval = max(1, round(frame_rate * _ASK_AFTER))
        self._patience = max(1, round(frame_rate * _REMEMBERED))
        self._motion = MaskMotion()
        self._memory = _nothing_known((0, 0))
        self._since_asked = 0
        self._next_id = FIRST_REGION_ID

    def __call__(
        self,
        frame: Frame,
        embedding: Embedding,
        objects: Masks,
        on_progress: Callable[[float], None] = lambda share: None,
    ) -> Instances:
        """The next frame's regions, by ascending id, less the pixels of its objects.

        Args:
            frame: The frame.
            embedding: As SAM sees it.
            objects: The masks of the named objects in it.
            on_progress: Is told which share is done where everything is asked for.
        """
        known, covered = self._moved(frame), objects.union()
        regions = self._prompted(embedding, known, covered)
        if self._is_due():
            everything = segment_everything(self._sam, embedding, on_progress=on_progress)
            regions = self._joined(unexplained(everything, objects), regions)

        regions = regions[_apart(regions.masks, _GROWN_TOGETHER)]
        self._remember(regions, known, covered)
        return regions

    def replay(self, scene: Scene) -> None:
        """Take the next frame's regions from a scene of an earlier run with the same models."""
        known, covered = self._moved(scene.frame), scene.masks.union()
        self._is_due()
        self._next_id = max([self._next_id, *(scene.regions.ids + 1).tolist()])
        self._remember(scene.regions, known, covered)

    def _moved(self, frame: Frame) -> Instances:
        """What is known, where it is in this frame."""
        if self._memory.regions.size_hw != frame.size_hw:
            self._memory = _nothing_known(frame.size_hw)
        known = self._memory.regions
        return _with_masks(known, self._motion.follow(frame.image, known.masks, self._memory.covered))

    def _is_due(self) -> bool:
        """Whether everything is to be asked for in this frame."""
        is_due = self._motion.is_cut or self._since_asked >= self._interval
        self._since_asked = 1 if is_due else self._since_asked + 1
        return is_due

    def _prompted(self, embedding: Embedding, known: Instances, covered: BoolArray) -> Instances:
        """The known regions that are visible, with SAM's masks where it says much the same."""
        visible = _with_masks(known, known.masks.without(covered))
        visible = visible[visible.masks.areas > LEAST_AREA]
        if not len(visible):
            return visible

        boxes = visible.masks.boxes_xyxy.astype(np.float32)
        answers = self._sam.masks_from_boxes(embedding, boxes, _innermost(visible.masks)).without(covered)
        is_same = (_iou_in_pairs(answers, visible.masks) >= _SAME) & (answers.areas > LEAST_AREA)
        both = Masks.concatenate(visible.size_hw, [answers, visible.masks])
        count = len(visible)
        return _with_masks(visible, both[np.arange(count) + np.where(is_same, 0, count)])

    def _joined(self, found: Instances, regions: Instances) -> Instances:
        """What was found anew, under the ids that are known, and the known that nothing found stands for."""
        found = found[_apart(found.masks, _DOUBLE)]
        overlaps = found.masks.iou_matrix(regions.masks)
        rows, columns = assign(overlaps, _KNOWN)
        ids = np.full(len(found), -1, np.int64)
        ids[rows] = regions.ids[columns]

        # The larger come first, so that what lies on them has a higher id, and is drawn later.
        new = np.flatnonzero(ids < 0)
        new = new[np.argsort(-found.masks.areas[new], kind="stable")]
        ids[new] = np.arange(self._next_id, self._next_id + len(new))
        self._next_id += len(new)

        is_alone = overlaps.max(axis=0, initial=0) < _KNOWN
        return _by_id(Instances.concatenate(found.size_hw, [replace(found, ids=ids), regions[is_alone]]))

    def _remember(self, regions: Instances, known: Instances, covered: BoolArray) -> None:
        """Keep what is shown, what objects hide of it, and for a while what they hide for the most part."""
        hidden = _with_masks(known, known.masks.within(covered))
        unseen = self._memory.unseen + 1
        is_mostly_hidden = hidden.masks.areas >= np.maximum(_MOSTLY * known.masks.areas, 1)
        waiting = is_mostly_hidden & ~np.isin(known.ids, regions.ids) & (unseen <= self._patience)

        whole = _with_masks(regions, regions.masks.united(_of_ids(hidden, regions.ids)))
        table = Instances.concatenate(regions.size_hw, [whole, hidden[waiting]])
        counts = np.concatenate([np.zeros(len(regions), np.int64), unseen[waiting]])
        order = np.argsort(table.ids, kind="stable")
        self._memory = _Memory(table[order], counts[order], covered)


def _nothing_known(size_hw: tuple[int, int]) -> _Memory:
    return _Memory(Instances.empty(size_hw), np.zeros(0, np.int64), np.zeros(size_hw, np.bool_))


def _with_masks(regions: Instances, masks: Masks) -> Instances:
    """The same regions with other masks."""
    return Instances.unlabelled(masks, regions.scores, regions.ids)


def _by_id(regions: Instances) -> Instances:
    return regions[np.argsort(regions.ids, kind="stable")]


def _of_ids(regions: Instances, ids: IntArray) -> Masks:
    """For each of `(N,)` ids the mask of the region that has it; an empty one where none has."""
    nothing = Masks.from_crops(regions.size_hw, [np.zeros((0, 0), np.bool_)], np.zeros((1, 2), np.int64))
    all_masks = Masks.concatenate(regions.size_hw, [regions.masks, nothing])
    place = np.searchsorted(regions.ids, ids)
    is_there = np.append(regions.ids, -1)[place] == ids
    return all_masks[np.where(is_there, place, len(regions))]


def _apart(masks: Masks, most: float) -> IntArray:
    """Positions of the masks that overlap none before them that is kept by an IoU of more than `most`."""
    overlaps = masks.iou_matrix() > most
    kept = np.zeros(len(masks), np.bool_)
    for position in range(len(masks)):  # whether one stays hangs on those before it
        kept[position] = not overlaps[position, kept].any()
    return np.flatnonzero(kept)


def _iou_in_pairs(masks: Masks, others: Masks) -> NDArray[np.float64]:
    """`(N,)`, the IoU of each mask with the one at its place among the others."""
    united = masks.united(others).areas
    return (masks.areas + others.areas - united) / np.maximum(united, 1)


def _innermost(masks: Masks) -> NDArray[np.float64]:
    """`(N, 2)`, x and y of the pixel of each mask that is farthest from its border."""
    points = np.zeros((len(masks), 2))
    for point, (crop, (rows, columns)) in zip(points, masks.crops(), strict=True):
        depth = cv2.distanceTransform(np.pad(crop, 1).view(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = divmod(int(depth.argmax()), depth.shape[1])
        point[:] = columns.start + x + 0.5, rows.start + y + 0.5
    return points
