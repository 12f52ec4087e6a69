"""labelme JSON: one file a picture or frame, each object a mask with its class, its track id as group.

Format: https://github.com/wkentaro/labelme, shapes of the type `mask`. The picture lies beside its JSON file.
Scores go in the description; empty masks have no place in it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np

from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import BoolArray
from sav.formats.text import json_text
from sav.formats.writer import AnnotationWriter
from sav.media.pictures import write_picture

# The version whose form this is.
_VERSION = "5.0.1"


class LabelmeWriter(AnnotationWriter):
    """Writes `labelme/NAME.json` and `labelme/NAME.jpg`."""

    def write(self, scene: Scene) -> None:
        """Add one picture or frame, its objects and its regions."""
        stem = self.target.stem(scene)
        picture = write_picture(self._path(f"labelme/{stem}.jpg"), scene.frame.image)
        scores = [f"score {score:.4f}" for score in scene.scores.tolist()]
        ids = scene.track_ids.tolist()
        names = self.target.names
        labels = [names[class_id] for class_id in scene.class_ids.tolist()]
        unlabelled = [names[self.target.unlabelled_id]] * len(scene.regions)
        nothing = [""] * len(scene.regions), [None] * len(scene.regions)
        height, width = scene.size_hw
        table: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [
                *_shapes(scene.masks, labels, scores, ids),
                *_shapes(scene.regions, unlabelled, *nothing),
            ],
            "imagePath": picture.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json_text(table, indent=1) + "\n"
        self._path(f"labelme/{stem}.json").write_text(text, encoding="utf-8", newline="\n")


def _shapes(
    masks: Masks, labels: Iterable[str], descriptions: Iterable[str], ids: Iterable[int | None]
) -> Iterator[dict[str, Any]]:
    columns = zip(labels, descriptions, ids, masks.boxes_xyxy.tolist(), masks.crops(), strict=True)
    for label, description, group_id, (x0, y0, x1, y1), (crop, _) in columns:
        if crop.size:
            yield {
                "label": label,
                "points": [[x0, y0], [x1 - 1, y1 - 1]],
                "group_id": group_id,
                "description": description,
                "shape_type": "mask",
                "flags": {},
                "mask": _base64_png(crop),
            }


def _base64_png(crop: BoolArray) -> str:
    _, encoded = cv2.imencode(".png", crop.astype(np.uint8) * 255)
    return base64.b64encode(encoded.tobytes()).decode("ascii")
