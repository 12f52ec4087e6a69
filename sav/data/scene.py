"""A scene: everything that is known of one frame, the objects with names and the regions without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from sav.data.crops import cut_out
from sav.data.instances import Instance, Instances
from sav.data.masks import Masks
from sav.data.types import (
    UNLABELLED_ID,
    Arrays,
    BoolArray,
    Detections,
    FloatArray,
    Frame,
    Image,
    IntArray,
)

if TYPE_CHECKING:
    import pandas
    import supervision

    from sav.looks import DrawConfig


@dataclass(frozen=True, eq=False)
class Scene(Arrays):
    """A frame with its N labelled objects and R unlabelled regions.

    Going through it gives an `Instance` an object; it can be compared, copied and pickled.

    Attributes:
        frame: The picture, its name, and in a video its number and time.
        objects: What the detector has a name for: its boxes, classes and scores, with SAM's masks. Ids are
            identities in a video, 1 to N in a picture.
        regions: What SAM found besides: of `everything` what no object explains, less the pixels of the
            objects, under the same ids.
        categories: Every class that the detector knows, id to name.
        everything: All that SAM found by itself, as it found it, under ids from 0; nothing if it was not
            asked.
        is_tracked: Whether the objects' ids hold from frame to frame.
        duplicates: How many objects were left out because another of their class has the same mask.
        candidates: All that the detector reported, in a video also what is too weak to be shown by itself.

    Raises:
        ValueError: If the tables are of pictures of another size, or a class has the id of regions.
    """

    frame: Frame
    objects: Instances
    regions: Instances
    categories: Mapping[int, str]
    everything: Instances
    is_tracked: bool = False
    duplicates: int = 0
    candidates: Detections = field(default_factory=Detections.empty)

    def __post_init__(self) -> None:
        for name in ("objects", "regions", "everything"):
            size_hw = getattr(self, name).size_hw
            if size_hw != self.frame.size_hw:
                raise ValueError(f"a frame of {self.frame.size_hw} cannot have {name} of {size_hw}")
        if UNLABELLED_ID in self.categories:
            raise ValueError(f"no class can have the id {UNLABELLED_ID}: it means unlabelled regions")
        if not isinstance(self.categories, dict):
            object.__setattr__(self, "categories", dict(self.categories))  # what can be pickled

    def __len__(self) -> int:
        return len(self.objects)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Instance: ...

    @overload
    def __getitem__(self, index: Any) -> Scene: ...

    def __getitem__(self, index: Any) -> Instance | Scene:
        """One object by its position, or the scene with those that a boolean mask, array or slice picks."""
        if isinstance(index, str):
            raise TypeError(
                f"for the objects of a class write scene[np.array(scene.class_names) == {index!r}]"
            )
        chosen: Instance | Instances = self.objects[index]
        if isinstance(chosen, Instance):
            return self._named(chosen)
        return replace(self, objects=chosen)

    def with_ids(self, ids: Sequence[int]) -> Scene:
        """The scene with the objects and regions that have one of these ids."""
        objects, regions = (table[np.isin(table.ids, ids)] for table in (self.objects, self.regions))
        return replace(self, objects=objects, regions=regions)

    def __iter__(self) -> Iterator[Instance]:
        """The objects one by one, in order."""
        return map(self._named, self.objects)

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

    @cached_property
    def instances(self) -> Instances:
        """The objects, then the regions, in one table."""
        if not len(self.regions):
            return self.objects  # with all that is worked out of its masks already
        return Instances.concatenate(self.size_hw, [self.objects, self.regions])

    @property
    def masks(self) -> Masks:
        """The objects' masks."""
        return self.objects.masks

    @property
    def boxes_xyxy(self) -> FloatArray:
        """`(N, 4)` float32, the detector's boxes in pixels."""
        return self.objects.boxes_xyxy

    @property
    def scores(self) -> FloatArray:
        """`(N,)` float32, 0 to 1."""
        return self.objects.scores

    @property
    def class_ids(self) -> IntArray:
        """`(N,)` int64, the detector's own numbering."""
        return self.objects.class_ids

    @property
    def class_names(self) -> list[str]:
        """Each object's class name."""
        return [self.categories[class_id] for class_id in self.class_ids.tolist()]

    @property
    def track_ids(self) -> IntArray:
        """`(N,)` int64, the objects' ids: in a video each one's identity; in a picture 1 to N."""
        return self.objects.ids

    @property
    def doubtful(self) -> BoolArray:
        """`(N,)` bool: whose mask is empty, lies mostly outside the detector's box, or is a spot in it."""
        return self.objects.doubtful

    def polygons(self) -> list[list[IntArray]]:
        """Each object's outline along the pixels' edges, exact by the even-odd rule.

        A list of rings an object, pieces and holes, each `(P, 2)` int64, x and y, not closed.
        """
        from sav.data.polygons import outlines

        return list(outlines(self.masks))

    def crops(self) -> list[NDArray[np.uint8]]:
        """Each object cut out: `(h, w, 4)` uint8 BGRA, transparent around it."""
        return [cut_out(self.frame.image[where], crop) for crop, where in self.masks.crops()]

    def overlay(self, config: DrawConfig | None = None) -> Image:
        """The frame with its objects tinted and named, `(H, W, 3)` uint8 BGR: as the scripts draw it."""
        from sav.drawing import overlay

        return overlay(self) if config is None else overlay(self, config)

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

    def _named(self, instance: Instance) -> Instance:
        return replace(instance, class_name=self.categories[instance.class_id])
