"""A scene: everything that is known of one frame, the objects with names and the regions without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sav.masks import Masks
from sav.types import Detections, FloatArray, Frame, Image, IntArray

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True)
class Scene:
    """A frame with its N labelled objects and R unlabelled regions.

    Attributes:
        frame: The picture, its name, and in a video its number and time.
        detections: The objects' boxes, scores and class ids.
        masks: Their masks.
        track_ids: `(N,)` int64. In a video, each object's identity; in a picture, 1 to N.
        categories: Every class that the detector knows, id to name.
        everything: The M masks that SAM found by itself, as it found them; none if it was not asked.
        regions: The R of them that no object explains, less the pixels of the objects.
        region_ids: `(R,)` int64, each region's position in `everything`.
        is_tracked: Whether `track_ids` hold from frame to frame.
    """

    frame: Frame
    detections: Detections
    masks: Masks
    track_ids: IntArray
    categories: Mapping[int, str]
    everything: Masks
    regions: Masks
    region_ids: IntArray
    is_tracked: bool = False

    def __post_init__(self) -> None:
        if not len(self.detections) == len(self.masks) == len(self.track_ids):
            raise ValueError(
                f"{len(self.detections)} detections, {len(self.masks)} masks and {len(self.track_ids)} ids"
                " do not describe the same objects"
            )
        if len(self.regions) != len(self.region_ids):
            raise ValueError(f"{len(self.regions)} regions have {len(self.region_ids)} ids")
        if not self.frame.size_hw == self.masks.size_hw == self.regions.size_hw:
            raise ValueError(
                f"a frame of {self.frame.size_hw} cannot have masks of {self.masks.size_hw}"
                f" and regions of {self.regions.size_hw}"
            )

    def __len__(self) -> int:
        return len(self.detections)

    def __getitem__(self, index: Any) -> Scene:
        """The scene with only those objects that a boolean mask, an index array or a slice picks."""
        return replace(
            self,
            detections=self.detections[index],
            masks=self.masks[index],
            track_ids=self.track_ids[index],
        )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width of the frame in pixels."""
        return self.frame.size_hw

    @property
    def boxes_xyxy(self) -> FloatArray:
        """`(N, 4)` float32, the detector's boxes in pixels."""
        return self.detections.boxes_xyxy

    @property
    def scores(self) -> FloatArray:
        """`(N,)` float32, 0 to 1."""
        return self.detections.scores

    @property
    def class_ids(self) -> IntArray:
        """`(N,)` int64, the detector's own numbering."""
        return self.detections.class_ids

    @property
    def class_names(self) -> list[str]:
        """Each object's class name."""
        return [self.categories[class_id] for class_id in self.class_ids.tolist()]

    def polygons(self) -> list[list[IntArray]]:
        """Each object's outline along the pixels' edges, exact by the even-odd rule.

        A list of rings an object, pieces and holes, each `(P, 2)` int64, x and y, not closed.
        """
        from sav.polygons import outlines

        return list(outlines(self.masks))

    def overlay(self) -> Image:
        """The frame with its objects tinted and named, `(H, W, 3)` uint8 BGR: as the scripts draw it."""
        from sav.draw import draw_semantic, draw_tracks

        draw = draw_tracks if self.is_tracked else draw_semantic
        return draw(self.frame.image, self)

    def to_supervision(self) -> supervision.Detections:
        """The objects as `supervision.Detections`, with dense masks and `class_name` in its `data`.

        Raises:
            ImportError: If the package supervision is not installed.
        """
        import numpy as np
        import supervision

        return supervision.Detections(
            xyxy=self.boxes_xyxy.copy(),
            mask=self.masks.dense(),
            confidence=self.scores.copy(),
            class_id=self.class_ids.copy(),
            tracker_id=self.track_ids.copy(),
            data={"class_name": np.array(self.class_names, dtype=np.str_)},
        )
