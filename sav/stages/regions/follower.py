"""What SAM finds beyond the named objects, with ids that last through a video.

Once a second, and after a cut, SAM is asked for everything; between, each region moves with the camera, or by
the optical flow of its own pixels. Prompting SAM with the moved region was worse: its answers creep from a
whole to one of its parts, most of all where objects hide the rest. What objects hide of a region is
remembered, so that it is the same one when they have passed; and so is a region that SAM does not find again
where it can be seen, which is not shown until SAM does.

All that is remembered follows from the frames and from what was shown in them, and not from what SAM said
that was not shown: a run that goes on after it was ended needs only those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sav.config import EverythingConfig
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import FIRST_REGION_ID, BoolArray, Frame, IntArray
from sav.sam.everything import segment_everything
from sav.sam.model import Embedding, SamModel
from sav.stages.regions.motion import MaskMotion, Shifts
from sav.stages.unexplained import LEAST_AREA, unexplained
from sav.trackers.association import assign

# Seconds after which everything is asked for anew, and for which a region is remembered that is not shown.
_ASK_AFTER = 1.0
_REMEMBERED = 2.0
# IoU above which two masks that were found are one region, and regions that have come to be one are.
_DOUBLE = 0.5
_GROWN_TOGETHER = 0.85
# IoU above which a region that is found anew is one that is known, as in SORT (arXiv 1602.00763).
_KNOWN = 0.3
# Share of a region that objects must hide for SAM not to be expected to find it.
_HIDDEN = 0.3


@dataclass(frozen=True, eq=False)
class _Memory:
    """The R regions that are known after a frame.

    Attributes:
        regions: With what objects hide of them, by ascending id.
        unseen: `(R,)` int64, for how many frames each was not shown.
        doubted: `(R,)` bool, which SAM did not find where they could be seen.
        owed_xy: `(R, 2)`, the fractions of a pixel by which each is still to be moved.
        covered: `(H, W)` bool, the pixels of the frame that show objects.
    """

    regions: Instances
    unseen: IntArray
    doubted: BoolArray
    owed_xy: Shifts
    covered: BoolArray


class RegionFollower:
    """Gives a video's frames their regions, one frame after the other."""

    def __init__(
        self, sam: SamModel, frame_rate: float, everything: EverythingConfig = EverythingConfig()
    ) -> None:
        """Begin a video of so many frames a second; `everything` says how SAM looks for all that there is."""
        self._sam, self._everything = sam, everything
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
        covered = objects.union()
        known, owed_xy = self._moved(frame, covered)
        visible = _with_masks(known, known.masks.without(covered))
        is_seen = visible.masks.areas > LEAST_AREA
        regions = visible[is_seen & ~self._memory.doubted]
        if self._is_due():
            everything = segment_everything(self._sam, embedding, self._everything, on_progress)
            is_hidden = visible.masks.areas <= (1 - _HIDDEN) * known.masks.areas
            stays = is_hidden & ~self._memory.doubted
            regions = self._joined(unexplained(everything, objects), visible[is_seen], stays[is_seen])

        regions = regions[_apart(regions.masks, _GROWN_TOGETHER)]
        self._remember(regions, known, owed_xy, covered)
        return regions

    def replay(self, scene: Scene) -> None:
        """Take the next frame's regions from a scene of an earlier run with the same models."""
        covered = scene.masks.union()
        known, owed_xy = self._moved(scene.frame, covered)
        self._is_due()
        self._next_id = max([self._next_id, *(scene.regions.ids + 1).tolist()])
        self._remember(scene.regions, known, owed_xy, covered)

    def _moved(self, frame: Frame, covered: BoolArray) -> tuple[Instances, Shifts]:
        """What is known, where it is in this frame, of which objects cover some; and what it is owed."""
        if self._memory.regions.size_hw != frame.size_hw:
            self._memory = _nothing_known(frame.size_hw)
        known, covered = self._memory.regions, self._memory.covered | covered
        masks, owed_xy = self._motion.follow(frame.image, known.masks, covered, self._memory.owed_xy)
        return _with_masks(known, masks), owed_xy

    def _is_due(self) -> bool:
        """Whether everything is to be asked for in this frame."""
        is_due = self._motion.is_cut or self._since_asked >= self._interval
        self._since_asked = 1 if is_due else self._since_asked + 1
        return is_due

    def _joined(self, found: Instances, regions: Instances, stays: BoolArray) -> Instances:
        """What was found anew, under the ids that are known, and what `stays` of the rest of the known."""
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

        is_alone = overlaps.max(axis=0, initial=0) <= _KNOWN
        named = replace(found, ids=ids)
        return _by_id(Instances.concatenate(found.size_hw, [named, regions[is_alone & stays]]))

    def _remember(self, regions: Instances, known: Instances, owed_xy: Shifts, covered: BoolArray) -> None:
        """Keep what is shown, with what objects hide of it, and for a while what is known and not shown."""
        hidden = _with_masks(known, known.masks.within(covered))
        could_be_seen = known.masks.areas - hidden.masks.areas > LEAST_AREA
        unseen, doubted = self._memory.unseen + 1, self._memory.doubted | could_be_seen
        is_there = (known.masks.areas > 0) & (unseen <= self._patience)
        waiting = is_there & ~np.isin(known.ids, regions.ids)

        places = _places(known.ids, regions.ids)
        whole = _with_masks(regions, regions.masks.united(_or_nothing(hidden.masks, places)))
        table = Instances.concatenate(regions.size_hw, [whole, known[waiting]])
        shown, owed = np.zeros(len(regions), np.int64), np.append(owed_xy, [[0, 0]], axis=0)
        order = np.argsort(table.ids, kind="stable")
        self._memory = _Memory(
            table[order],
            np.concatenate([shown, unseen[waiting]])[order],
            np.concatenate([shown > 0, doubted[waiting]])[order],
            np.concatenate([owed[places], owed_xy[waiting]])[order],
            covered,
        )


def _nothing_known(size_hw: tuple[int, int]) -> _Memory:
    none = np.zeros(0, np.int64)
    return _Memory(Instances.empty(size_hw), none, none > 0, np.zeros((0, 2)), np.zeros(size_hw, np.bool_))


def _with_masks(regions: Instances, masks: Masks) -> Instances:
    """The same regions with other masks."""
    return Instances.unlabelled(masks, regions.scores, regions.ids)


def _by_id(regions: Instances) -> Instances:
    return regions[np.argsort(regions.ids, kind="stable")]


def _places(known_ids: IntArray, ids: IntArray) -> IntArray:
    """`(N,)`, where each of `(N,)` ids is among the ascending `(R,)` that are known; R where it is not."""
    places = np.searchsorted(known_ids, ids)
    return np.where(np.append(known_ids, -1)[places] == ids, places, len(known_ids))


def _or_nothing(masks: Masks, places: IntArray) -> Masks:
    """The masks at some places, of which the one behind the last is an empty one."""
    nothing = Masks.from_crops(masks.size_hw, [np.zeros((0, 0), np.bool_)], np.zeros((1, 2), np.int64))
    return Masks.concatenate(masks.size_hw, [masks, nothing])[places]


def _apart(masks: Masks, most: float) -> IntArray:
    """Positions of the masks that overlap none before them that is kept by an IoU of more than `most`."""
    overlaps = masks.iou_matrix() > most
    kept = np.zeros(len(masks), np.bool_)
    for position in range(len(masks)):  # whether one stays hangs on those before it
        kept[position] = not overlaps[position, kept].any()
    return np.flatnonzero(kept)
