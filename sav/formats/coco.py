"""COCO instances JSON: pictures or frames as images, masks as RLE; streamed, so memory stays flat.

Format: https://cocodataset.org/#format-data. A category's id is the detector's class id plus one, since zero
means background to some readers; unlabelled regions have a category of their own after the last class. The
box `bbox` is the mask's own, and the detector's where the mask is empty; `detector_bbox` is always the
detector's. A region's `score` is how good SAM takes its mask to be. Fields that are ours: `detector_bbox`,
`doubtful` as in `Instances`, and of an image `stem`, what files about it are called.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TextIO

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import UNLABELLED_ID
from sav.formats.boxes import corner_and_size, solid_boxes
from sav.formats.target import Target
from sav.formats.text import json_text
from sav.formats.writer import AnnotationWriter


class CocoWriter(AnnotationWriter):
    """Writes `coco.json`; a video's objects have their `track_id`."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._next_id = 1
        self._frames = 0
        self._file = self._text_file("coco.json")
        # Images come behind annotations in the file; they wait here, on disk, until all are known.
        self._images = self._files.enter_context(
            tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115
        )
        self._file.write('{"info": {"description": "Instance masks by Segment Any Video"},\n')
        self._file.write('"categories": ' + json_text(category_table(target)))
        self._file.write(',\n"annotations": [')

    def write(self, scene: Scene) -> None:
        """Add one picture or frame, its objects and its regions."""
        self._frames += 1
        height, width = scene.size_hw
        image = {
            "id": self._frames,
            "file_name": self.target.file_name(scene),
            "height": height,
            "width": width,
            "stem": self.target.stem(scene),
        }
        _append(self._images, [image], is_first=self._frames == 1)
        found = chain(self._annotations(scene.objects), self._annotations(scene.regions))
        numbered = enumerate(found, self._next_id)
        annotations = [{"id": number, "image_id": self._frames, **one} for number, one in numbered]
        _append(self._file, annotations, is_first=self._next_id == 1)
        self._next_id += len(annotations)

    def _finish(self) -> None:
        self._file.write('],\n"images": [')
        self._images.seek(0)
        shutil.copyfileobj(self._images, self._file)
        self._file.write("]}\n")

    def _annotations(self, instances: Instances) -> Iterator[dict[str, Any]]:
        columns = zip(
            instances.class_ids.tolist(),
            instances.scores.tolist(),
            instances.ids.tolist(),
            instances.doubtful.tolist(),
            corner_and_size(solid_boxes(instances.boxes_xyxy, instances.size_hw)),
            _shapes(instances.masks),
            strict=True,
        )
        for class_id, score, track_id, is_doubtful, detected, shape in columns:
            about: dict[str, Any] = {"category_id": self.target.numbers[class_id] + 1}
            if self.target.video:
                about["track_id"] = track_id
            about |= {"score": round(score, 4), "doubtful": is_doubtful}
            if class_id != UNLABELLED_ID:
                box = {"bbox": shape["bbox"] if shape["area"] else detected, "detector_bbox": detected}
                yield {**about, **shape, **box}
            elif shape["area"]:
                yield {**about, **shape}


def category_table(target: Target) -> list[dict[str, Any]]:
    """COCO's list of categories: every class, and unlabelled regions."""
    return [{"id": target.numbers[class_id] + 1, "name": name} for class_id, name in target.names.items()]


def _append(file: TextIO, items: Sequence[dict[str, Any]], is_first: bool) -> None:
    """Write items that begin with their id, a line each; encoded together, which takes half the time."""
    if items:
        lines = json_text(items)[1:-1].replace('}, {"id": ', '},\n{"id": ')
        file.write(("\n" if is_first else ",\n") + lines)


def _shapes(masks: Masks) -> Iterator[dict[str, Any]]:
    """Area, box and run-length encoding of each mask, as COCO has them."""
    boxes = corner_and_size(masks.boxes_xyxy)
    for area, box, rle in zip(masks.areas.tolist(), boxes, masks.rles(), strict=True):
        yield {"area": area, "bbox": box, "iscrowd": 0, "segmentation": rle}
