"""A scene: everything that is known of one frame, the objects with names and the regions without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sav.masks import Masks
from sav.types import Detections, IntArray


@dataclass(frozen=True)
class Scene:
    """Labelled objects and unlabelled regions of one frame.

    Attributes:
        detections: The N labelled objects: boxes, scores, class ids.
        masks: Their N masks.
        track_ids: `(N,)` int64. In a video, each object's identity; in a picture, 1 to N.
        categories: Every class that the detector knows, id to name.
        everything: The M masks that SAM found by itself, as it found them; none if it was not asked.
        regions: The R of them that no object explains, less the pixels of the objects.
        region_ids: `(R,)` int64, each region's position in `everything`.
    """

    detections: Detections
    masks: Masks
    track_ids: IntArray
    categories: Mapping[int, str]
    everything: Masks
    regions: Masks
    region_ids: IntArray

    def __post_init__(self) -> None:
        if not len(self.detections) == len(self.masks) == len(self.track_ids):
            raise ValueError(
                f"{len(self.detections)} detections, {len(self.masks)} masks and {len(self.track_ids)} ids"
                " do not describe the same objects"
            )
        if len(self.regions) != len(self.region_ids):
            raise ValueError(f"{len(self.regions)} regions have {len(self.region_ids)} ids")

    def __len__(self) -> int:
        return len(self.detections)

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the frame in pixels."""
        return self.masks.size_hw

    @property
    def class_names(self) -> list[str]:
        """Each object's class name."""
        return [self.categories[class_id] for class_id in self.detections.class_ids.tolist()]
