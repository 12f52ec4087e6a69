"""Frames in which objects were seen to scenes, of pictures and videos alike: SAM cuts them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sav.config import EverythingConfig, MaskConfig
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import BoolArray
from sav.sam.everything import segment_everything
from sav.sam.model import Embedding, SamModel
from sav.stages.asking import SMALLER, boxed_masks_together
from sav.stages.halving import in_halves
from sav.stages.look import Seen, numbers
from sav.stages.regions import RegionFollower
from sav.stages.unexplained import unexplained
from sav.uploads import forget


@dataclass(frozen=True)
class Cutter:
    """SAM, and how its masks become scenes.

    Attributes:
        sam: Sees only the boxes of objects that are shown.
        categories: Every class that the detector knows, id to name.
        masks: What is done with masks after SAM has made them.
        with_regions: Whether scenes get what SAM finds beyond the objects, too.
        everything: How SAM looks for that.
        follower: Gives the frames of a video their regions, with ids that last; None where there are none,
            and for pictures.
    """

    sam: SamModel
    categories: Mapping[int, str]
    masks: MaskConfig = MaskConfig()
    with_regions: bool = False
    everything: EverythingConfig = EverythingConfig()
    follower: RegionFollower | None = None

    def __call__(
        self, seen: Sequence[Seen], on_progress: Callable[[int, float], None] = lambda place, share: None
    ) -> list[Scene]:
        """The scenes of some frames, encoded at once.

        `on_progress` is told of each frame with regions, by its place, which share of those is found.
        """
        return self.cut(seen, self.embed(seen), on_progress)

    def embed(self, seen: Sequence[Seen]) -> list[Embedding | None]:
        """Some frames as SAM sees them; a frame that has nothing to ask for is not encoded."""
        with_regions = self.with_regions or self.follower is not None
        is_busy = [with_regions or len(one.detections) > 0 for one in seen]
        known = [one.asked.embedding if one.asked else None for one in seen]
        is_new = [busy and there is None for busy, there in zip(is_busy, known, strict=True)]
        images = [one.shared for one, new in zip(seen, is_new, strict=True) if new]
        embeddings = iter(in_halves(self.sam.embed, images, SMALLER))
        for one in seen:
            forget(one.shared)
        return [next(embeddings) if new else there for new, there in zip(is_new, known, strict=True)]

    def cut(
        self,
        seen: Sequence[Seen],
        embeddings: Sequence[Embedding | None],
        on_progress: Callable[[int, float], None] = lambda place, share: None,
    ) -> list[Scene]:
        """The scenes of some frames that `embed` has encoded; see there and `__call__`."""
        rows = zip(seen, embeddings, self._objects(seen, embeddings), strict=True)
        return [self._scene(*row, partial(on_progress, place)) for place, row in enumerate(rows)]

    def _scene(
        self,
        seen: Seen,
        embedding: Embedding | None,
        objects: Instances,
        on_progress: Callable[[float], None],
    ) -> Scene:
        """One frame's scene; without an embedding there is nothing in it."""
        nothing = Instances.empty(seen.frame.size_hw)
        kept = distinct(objects, self.masks.duplicate_iou)
        shown = objects if kept.all() else objects[kept]  # as it is, what is known of its masks stays
        if not seen.is_tracked:
            shown = replace(shown, ids=numbers(len(shown)))

        regions = everything = nothing
        if embedding is not None and self.follower is not None:
            regions = self.follower(seen.frame, embedding, shown.masks, on_progress)
        elif embedding is not None and self.with_regions:
            everything = segment_everything(self.sam, embedding, self.everything, on_progress)
            regions = unexplained(everything, objects.masks)
        return Scene(
            frame=seen.frame,
            objects=shown,
            regions=regions,
            categories=self.categories,
            everything=everything,
            is_tracked=seen.is_tracked,
            duplicates=len(objects) - len(shown),
            candidates=seen.candidates,
        )

    def _objects(self, seen: Sequence[Seen], embeddings: Sequence[Embedding | None]) -> list[Instances]:
        """What was seen in each frame, with a mask each; without an embedding nothing."""
        masks = [Masks.empty(one.frame.size_hw) for one in seen]
        together: list[tuple[int, Embedding]] = []
        for place, (one, embedding) in enumerate(zip(seen, embeddings, strict=True)):
            if embedding is not None and one.asked is not None and one.rows is not None:
                masks[place] = one.asked.masks(embedding, one.rows)
            elif embedding is not None and len(one.detections):
                together.append((place, embedding))
        made = boxed_masks_together(
            self.sam,
            [embedding for _, embedding in together],
            [seen[place].detections.boxes_xyxy for place, _ in together],
            [seen[place].frame.size_hw for place, _ in together],
        )
        for (place, _), some in zip(together, made, strict=True):
            masks[place] = some
        return [one.with_masks(some) for one, some in zip(seen, masks, strict=True)]


def distinct(objects: Instances, duplicate_iou: float) -> BoolArray:
    """`(N,)` bool: which objects stay when of those of one class with the same mask only one does.

    In a picture the surest stays, which comes first; in a video the one that was followed first, which has
    the lowest id, so that ids do not take turns.
    """
    kept = np.ones(len(objects), np.bool_)
    if duplicate_iou >= 1 or len(objects) < 2:
        return kept
    classes, ids = objects.class_ids, objects.ids
    same = (objects.masks.highest_ious() > duplicate_iou) & (classes[:, None] == classes)
    np.fill_diagonal(same, False)
    if not same.any():  # nearly always, and then nothing is counted
        return kept
    same &= objects.masks.iou_matrix() > duplicate_iou
    # Only objects that have a double at all are gone through, those that stay before those that may go.
    for position in sorted(np.flatnonzero(same.any(axis=1)).tolist(), key=ids.__getitem__):
        kept[same[position] & (ids > ids[position])] &= not kept[position]
    return kept
