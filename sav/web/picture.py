"""A picture on the page: what was found in it, what a visitor chose and added, and how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import UNLABELLED, BoolArray, Frame, Image, IntArray
from sav.drawing import DrawConfig, overlay
from sav.errors import SettingError
from sav.web.clicks import CHOOSE, NONE, REMOVE, TOGGLE, Click
from sav.web.table import rows_of, toggled

# The longest side of what the browser is shown; the files to download have all pixels.
LONGEST_SHOWN = 2048
# Letters of a name that a visitor gives.
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and what is known of it. Its rows are the objects, then the regions.

    Attributes:
        scene: What was found in it, or added.
        chosen: `(rows,)` bool: what the visitor has selected.
        pointed: Ids of what the visitor has pointed at, some of which may be removed again.
        draw: How it is drawn.
    """

    scene: Scene
    chosen: BoolArray = field(default_factory=lambda: np.zeros(0, np.bool_))
    draw: DrawConfig = field(default_factory=DrawConfig)
    pointed: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if len(self.chosen) != self.rows:
            object.__setattr__(self, "chosen", np.zeros(self.rows, np.bool_))

    @classmethod
    def untouched(cls, frame: Frame) -> Picture:
        """A picture in which nobody has looked for anything."""
        nothing = Instances.empty(frame.size_hw)
        return cls(Scene(frame, nothing, nothing, {}, nothing))

    @property
    def rows(self) -> int:
        """How many objects and regions there are."""
        return len(self.scene.objects) + len(self.scene.regions)

    @property
    def is_pointed(self) -> BoolArray:
        """`(objects,)` bool: what the visitor has pointed at."""
        return np.isin(self.scene.objects.ids, [*self.pointed])

    @property
    def wanted(self) -> Scene:
        """The scene with what is selected, or with all where nothing is."""
        if not self.chosen.any():
            return self.scene
        objects = len(self.scene.objects)
        return replace(
            self.scene,
            objects=self.scene.objects[self.chosen[:objects]],
            regions=self.scene.regions[self.chosen[objects:]],
        )

    def after(self, click: Click) -> Picture:
        """With what a click that needs no model has selected or removed; see `sav.web.clicks`."""
        if click.do == TOGGLE:
            return self.toggled(click.row)
        if click.do == REMOVE:
            return self.without_chosen()
        if click.do == NONE:
            return self.none_chosen()
        row = row_at(self.scene, *click.within(self.scene.size_hw).tolist()) if click.do == CHOOSE else None
        return self if row is None else self.toggled(row)

    def toggled(self, row: int) -> Picture:
        """With one row selected that was not, or the other way round.

        Raises:
            SettingError: There is no such row.
        """
        return replace(self, chosen=toggled(self.chosen, row))

    def none_chosen(self) -> Picture:
        """With nothing selected."""
        return replace(self, chosen=np.zeros(self.rows, np.bool_))

    def with_masks(self, masks: Masks, boxes_xyxy: np.ndarray, name: str) -> Picture:
        """With objects that the visitor has pointed at; their score is 1, and they alone are selected.

        Args:
            masks: Their N masks.
            boxes_xyxy: `(N, 4)` their boxes in pixels.
            name: What they are.

        Raises:
            SettingError: The name is none.
        """
        name = " ".join(name.split())
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise SettingError(f"give what you add a name of 1 to {_LONGEST_NAME} letters")
        joined = self._joined(masks, boxes_xyxy, [name] * len(masks))
        rows = np.arange(joined.rows)
        first, last = len(self.scene.objects), len(joined.scene.objects)
        return replace(joined, chosen=(first <= rows) & (rows < last))

    def with_found(self, scene: Scene) -> Picture:
        """With what the models have found now, beside which stays what the visitor has pointed at."""
        kept = self.scene.objects[self.is_pointed]
        names = [self.scene.categories[class_id] for class_id in kept.class_ids.tolist()]
        return Picture(scene, draw=self.draw)._joined(kept.masks, kept.boxes_xyxy, names)

    def without_chosen(self) -> Picture:
        """Without what is selected; the others keep their numbers."""
        objects = len(self.scene.objects)
        scene = replace(
            self.scene,
            objects=self.scene.objects[~self.chosen[:objects]],
            regions=self.scene.regions[~self.chosen[objects:]],
        )
        return Picture(scene, draw=self.draw, pointed=self.pointed)

    def _joined(self, masks: Masks, boxes_xyxy: np.ndarray, names: Sequence[str]) -> Picture:
        """With N objects that the visitor has pointed at, and nothing selected."""
        class_ids, categories = self._named(names)
        objects = self.scene.objects
        first = int(objects.ids.max(initial=0)) + 1
        ids = np.arange(first, first + len(masks), dtype=np.int64)
        added = Instances(
            np.asarray(boxes_xyxy, np.float32), np.ones(len(masks), np.float32), class_ids, ids, masks
        )
        joined = Instances.concatenate(self.scene.size_hw, [objects, added])
        scene = replace(self.scene, objects=joined, categories=categories)
        return Picture(scene, draw=self.draw, pointed=self.pointed.union(ids.tolist()))

    def _named(self, names: Sequence[str]) -> tuple[IntArray, dict[int, str]]:
        """The classes that are called so, `(N,)` int64, and all classes with them."""
        categories = dict(self.scene.categories)
        known = {name: class_id for class_id, name in reversed(categories.items())}
        for name in names:
            if name not in known:
                known[name] = max(categories, default=-1) + 1
                categories[known[name]] = name
        return np.array([known[name] for name in names], np.int64), categories

    def drawn(self) -> Image:
        """What is wanted drawn on the picture, `(H, W, 3)` uint8 BGR."""
        return overlay(self.wanted, self.draw)

    def table(self) -> list[dict[str, Any]]:
        """A row for each object and region, in words that JSON knows."""
        scene, instances = self.scene, self.scene.instances
        unnumbered = len(scene.regions)
        columns = {
            "number": [*map(str, scene.track_ids.tolist()), *[""] * unnumbered],
            "name": [*scene.class_names, *[UNLABELLED] * unnumbered],
            "score": instances.scores.round(2).tolist(),
            "area": instances.masks.areas.tolist(),
            "box": np.rint(instances.boxes_xyxy).astype(int).tolist(),
            "chosen": self.chosen.tolist(),
        }
        return rows_of(columns)


def row_at(scene: Scene, x: float, y: float) -> int | None:
    """The row of a scene's smallest object at a place in pixels, or else of the smallest region there."""
    for first, table in ((0, scene.objects), (len(scene.objects), scene.regions)):
        hit = _covering(table.masks, int(x), int(y))
        if len(hit):
            return first + int(hit[np.argmin(table.masks.areas[hit])])
    return None


def _covering(masks: Masks, x: int, y: int) -> np.ndarray:
    """The positions of the masks that have the pixel."""
    boxes = masks.boxes_xyxy
    near = (boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3])
    hit = [
        position
        for position in np.flatnonzero(near).tolist()
        if masks.crop(position)[y - boxes[position, 1], x - boxes[position, 0]]
    ]
    return np.array(hit, np.int64)


def shown(image: Image, longest: int = LONGEST_SHOWN) -> bytes:
    """A JPEG of a `(H, W, 3)` uint8 BGR picture, its longest side so many pixels at most."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 88])[1])
