"""labelme JSON: one file a picture or frame, each object a mask with its class, its track id as group.

Format: https://github.com/wkentaro/labelme, shapes of the type `mask`. The picture lies beside its JSON file.
The score goes in the description, of a region how good SAM takes its mask to be; a flag of the shape
says whether the mask is doubtful. Empty masks have no place in it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np

from sav.data.instances import Instances
from sav.data.scene import Scene
from sav.data.types import UNLABELLED_ID, BoolArray
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
        height, width = scene.size_hw
        table: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": list(self._shapes(scene.instances)),
            "imagePath": picture.name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json_text(table, indent=1) + "\n"
        self._path(f"labelme/{stem}.json").write_text(text, encoding="utf-8", newline="\n")

    def _shapes(self, instances: Instances) -> Iterator[dict[str, Any]]:
        columns = zip(
            instances.class_ids.tolist(),
            instances.scores.tolist(),
            instances.ids.tolist(),
            instances.doubtful.tolist(),
            instances.masks.boxes_xyxy.tolist(),
            instances.masks.crops(),
            strict=True,
        )
        for class_id, score, track_id, is_doubtful, (x0, y0, x1, y1), (crop, _) in columns:
            is_labelled = class_id != UNLABELLED_ID
            if crop.size:
                yield {
                    "label": self.target.names[class_id],
                    "points": [[x0, y0], [x1 - 1, y1 - 1]],
                    "group_id": track_id if is_labelled or self.target.video else None,
                    "description": f"score {score:.4f}",
                    "shape_type": "mask",
                    "flags": {"doubtful": is_doubtful},
                    "mask": _base64_png(crop),
                }


def _base64_png(crop: BoolArray) -> str:
    _, encoded = cv2.imencode(".png", crop.astype(np.uint8) * 255)
    return base64.b64encode(encoded.tobytes()).decode("ascii")
