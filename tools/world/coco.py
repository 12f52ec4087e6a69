"""Ground truth in COCO's instances form: objects, surroundings and parts with exact masks."""

import json
from pathlib import Path

import numpy as np

from sav.data.masks import Masks
from tools.world.dataset import Truth

COCO_IDS = {"person": 1, "bicycle": 2, "car": 3, "bus": 6, "train": 7, "truck": 8, "dog": 18}
"""Category ids as in COCO's own instances files."""

FIRST_OWN_ID = 1001
"""Surroundings and parts, which COCO does not have, are numbered from here."""


class CocoTruth:
    """Collects pictures or frames and their annotations; `write` puts objects and the rest into two files."""

    def __init__(self) -> None:
        self.images: list[dict[str, object]] = []
        self.objects: list[dict[str, object]] = []
        self.regions: list[dict[str, object]] = []
        self.own: dict[tuple[str, str], int] = {}

    def add(self, file_name: str, truth: Truth, regions: bool, **more: object) -> None:
        """Adds what a picture shows.

        Args:
            file_name: Name of the picture.
            truth: What it shows.
            regions: Whether surroundings and parts are wanted too.
            more: Further fields of the image's entry, such as `frame_index`.
        """
        height, width = truth.thing_map.shape
        image = len(self.images) + 1
        self.images.append({"id": image, "file_name": file_name, "width": width, "height": height, **more})
        masks = _masks(truth.thing_map, len(truth.thing_names))
        owners: dict[int, int] = {}
        for thing, (name, named) in enumerate(zip(truth.thing_names, truth.labelled, strict=True)):
            if named:
                owners[thing] = len(self.objects) + 1
                entry = self._annotation(owners[thing], image, COCO_IDS[name], masks, thing)
                track = int(truth.track_ids[thing])
                self.objects.append(entry | ({"track_id": track} if track else {}))
            elif regions:
                self.regions.append(
                    self._annotation(
                        len(self.regions) + 1, image, self._own_id("surroundings", name), masks, thing
                    )
                )
        if regions:
            self._add_parts(image, truth, owners)

    def _add_parts(self, image: int, truth: Truth, owners: dict[int, int]) -> None:
        masks = _masks(truth.part_map, len(truth.part_names))
        siblings = np.bincount(truth.part_things, minlength=len(truth.thing_names))
        for part, (name, thing) in enumerate(zip(truth.part_names, truth.part_things.tolist(), strict=True)):
            if siblings[thing] > 1:
                category = self._own_id(truth.thing_names[thing], f"{truth.thing_names[thing]} {name}")
                entry = self._annotation(len(self.regions) + 1, image, category, masks, part)
                self.regions.append(entry | ({"object_id": owners[thing]} if thing in owners else {}))

    def _own_id(self, group: str, name: str) -> int:
        return self.own.setdefault((group, name), FIRST_OWN_ID + len(self.own))

    @staticmethod
    def _annotation(number: int, image: int, category: int, masks: Masks, position: int) -> dict[str, object]:
        x0, y0, x1, y1 = masks.boxes_xyxy[position].tolist()
        return {
            "id": number,
            "image_id": image,
            "category_id": category,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": int(masks.areas[position]),
            "iscrowd": 0,
            "segmentation": masks[[position]].rles()[0],
        }

    def write(self, path: Path) -> None:
        """Writes the objects to `path` and, if there are any, the rest beside it as `*_regions`."""
        categories = [{"id": i, "name": name, "supercategory": "object"} for name, i in COCO_IDS.items()]
        _write(path, {"images": self.images, "annotations": self.objects, "categories": categories})
        if self.regions:
            own = [{"id": i, "name": name, "supercategory": group} for (group, name), i in self.own.items()]
            _write(
                path.with_stem(f"{path.stem}_regions"),
                {"images": self.images, "annotations": self.regions, "categories": own},
            )


def _masks(label_map: np.ndarray, count: int) -> Masks:
    """The masks of labels 1 to `count` of a map `(H, W)`."""
    height, width = label_map.shape
    parts = [Masks.from_dense((label_map == label)[None]) for label in range(1, count + 1)]
    return Masks.concatenate((height, width), parts)


def _write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, separators=(",", ":")) + "\n")
    temporary.replace(path)
