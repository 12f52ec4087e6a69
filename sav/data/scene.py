"""A scene: everything that is known of one frame, the objects with names and the regions without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import Arrays, BoolArray, Detections, FloatArray, Frame, Image, IntArray

if TYPE_CHECKING:
    import pandas
    import supervision

    from sav.drawing import DrawConfig

# A mask with less than this share of its pixels inside the box that asked for it belongs to something else.
_LEAST_INSIDE = 0.5


@dataclass(frozen=True, eq=False)
class Instance(Arrays):
    """One labelled object of a scene.

    Attributes:
        track_id: In a video, its identity; in a picture, its number from 1.
        class_id: In the detector's own numbering.
        class_name: What the detector calls it.
        score: 0 to 1.
        box_xyxy: `(4,)` float32, the detector's box in pixels.
        mask: `(H, W)` bool.
        is_doubtful: Whether the mask is empty, or lies for the most part outside the box.
    """

    track_id: int
    class_id: int
    class_name: str
    score: float
    box_xyxy: FloatArray
    mask: BoolArray
    is_doubtful: bool

    def __repr__(self) -> str:
        box = ", ".join(f"{side:.0f}" for side in self.box_xyxy.tolist())
        area = int(np.count_nonzero(self.mask))
        return f"<Instance {self.track_id}: {self.class_name} {self.score:.2f}, box {box}, {area} pixels>"


@dataclass(frozen=True, eq=False)
class Scene(Arrays):
    """A frame with its N labelled objects and R unlabelled regions.

    Going through it gives an `Instance` an object; it can be compared, copied and pickled.

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
        duplicates: How many objects were left out because another of their class has the same mask.
        candidates: All that the detector reported, in a video also what is too weak to be shown by itself.
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
    duplicates: int = 0
    candidates: Detections = field(default_factory=Detections.empty)

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
        if not isinstance(self.categories, dict):
            object.__setattr__(self, "categories", dict(self.categories))  # what can be pickled

    def __len__(self) -> int:
        return len(self.detections)

    @overload
    def __getitem__(self, index: int) -> Instance: ...

    @overload
    def __getitem__(self, index: Any) -> Scene: ...

    def __getitem__(self, index: Any) -> Instance | Scene:
        """One object by its position, or the scene with those that a boolean mask, array or slice picks."""
        if isinstance(index, Integral) and not isinstance(index, bool | np.bool_):
            return self._instance(range(len(self))[int(index)])
        if isinstance(index, str):
            raise TypeError(
                f"for the objects of a class write scene[np.array(scene.class_names) == {index!r}]"
            )
        return replace(
            self,
            detections=self.detections[index],
            masks=self.masks[index],
            track_ids=self.track_ids[index],
        )

    def __iter__(self) -> Iterator[Instance]:
        """The objects one by one, in order."""
        return (self._instance(position) for position in range(len(self)))

    def __repr__(self) -> str:
        height, width = self.size_hw
        counts = Counter(self.class_names)
        objects = ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "no objects"
        regions = f"; {len(self.regions)} regions" if len(self.regions) else ""
        return f"<Scene {self.frame.name or self.frame.index!r}, {width}x{height}: {objects}{regions}>"

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

    @cached_property
    def doubtful(self) -> BoolArray:
        """`(N,)` bool: whose mask is empty, or lies for the most part outside the box that asked for it."""
        inside = self.masks.areas_within(self.boxes_xyxy)
        return (self.masks.areas == 0) | (inside < _LEAST_INSIDE * self.masks.areas)

    def polygons(self) -> list[list[IntArray]]:
        """Each object's outline along the pixels' edges, exact by the even-odd rule.

        A list of rings an object, pieces and holes, each `(P, 2)` int64, x and y, not closed.
        """
        from sav.data.polygons import outlines

        return list(outlines(self.masks))

    def crops(self) -> list[NDArray[np.uint8]]:
        """Each object cut out: `(h, w, 4)` uint8 BGRA, transparent around it."""
        from sav.formats.cutout import cut_out

        return [cut_out(self.frame.image[where], crop) for crop, where in self.masks.crops()]

    def overlay(self, config: DrawConfig | None = None) -> Image:
        """The frame with its objects tinted and named, `(H, W, 3)` uint8 BGR: as the scripts draw it."""
        from sav.drawing import DrawConfig, overlay

        return overlay(self, config or DrawConfig())

    def save(self, path: str | Path, config: DrawConfig | None = None) -> Path:
        """Write the overlay as a picture whose suffix says the format; returns its path.

        Raises:
            ValueError: If the suffix is not that of a picture.
            OSError: If it cannot be written.
        """
        from sav.media.pictures import write_picture

        if Path(path).suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"):
            raise ValueError(f"{path} must end in .jpg, .png, .webp, .bmp or .tif; data: to_json, to_pandas")
        write_picture(Path(path), self.overlay(config))
        return Path(path)

    def show(self, config: DrawConfig | None = None) -> None:
        """Open the overlay in the system's viewer of pictures."""
        from PIL import Image as Pillow

        Pillow.fromarray(np.ascontiguousarray(self.overlay(config)[..., ::-1])).show()

    def to_supervision(self) -> supervision.Detections:
        """The objects as `supervision.Detections`, with dense masks and `class_name` in its `data`.

        Raises:
            ImportError: If the package supervision is not installed.
        """
        from sav.data.conversions import to_supervision

        return to_supervision(self)

    def to_pandas(self) -> pandas.DataFrame:
        """The objects as a `pandas.DataFrame`, a row each, with the columns of `conversions.rows`.

        Raises:
            ImportError: If the package pandas is not installed.
        """
        from sav.data.conversions import to_pandas

        return to_pandas(self)

    def to_json(self) -> str:
        """The frame's name, number, time and size, and its objects with COCO's RLE masks, as JSON."""
        from sav.data.conversions import to_json

        return to_json(self)

    def _instance(self, position: int) -> Instance:
        class_id = int(self.class_ids[position])
        return Instance(
            track_id=int(self.track_ids[position]),
            class_id=class_id,
            class_name=self.categories[class_id],
            score=float(self.scores[position]),
            box_xyxy=self.boxes_xyxy[position].copy(),
            mask=self.masks[position],
            is_doubtful=bool(self.doubtful[position]),
        )
