"""YOLO segmentation data set, ready for `yolo train`: pictures, one polygon an object, and a YAML file.

Format: https://docs.ultralytics.com/datasets/segment. A mask becomes one ring, its pieces and holes joined by
bridges a pixel wide, through the centres of its border pixels. Scores, empty masks and unlabelled regions
have no place in it; track ids only as an option, which ultralytics writes but does not train on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from sav.annotations.target import Target
from sav.annotations.writer import AnnotationWriter
from sav.media.pictures import write_picture
from sav.polygons import centre_rings
from sav.scene import Scene

# A line with fewer points is no polygon to ultralytics.
_LEAST_POINTS = 3


class YoloWriter(AnnotationWriter):
    """Writes `yolo/dataset.yaml`, `yolo/classes.txt`, `yolo/images/` and `yolo/labels/`."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        names = [target.categories[class_id] for class_id in target.class_ids]
        self._class_numbers = {class_id: number for number, class_id in enumerate(target.class_ids)}
        table = "".join(f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in enumerate(names))
        self._text_file("yolo/dataset.yaml").write(f"train: images\nval: images\nnames:\n{table}")
        self._text_file("yolo/classes.txt").writelines(f"{name}\n" for name in names)

    def write(self, scene: Scene) -> None:
        """Add one picture or frame, and a file with a line for each object."""
        stem = self.target.stem(scene)
        write_picture(self._path(f"yolo/images/{stem}.jpg"), scene.frame.image)
        lines = "".join(f"{line}\n" for line in self._lines(scene))
        self._path(f"yolo/labels/{stem}.txt").write_text(lines, encoding="ascii", newline="\n")

    def _lines(self, scene: Scene) -> Iterator[str]:
        size_xy = np.array(scene.size_hw[::-1])
        with_ids = self.target.options.yolo_track_ids
        columns = zip(
            scene.class_ids.tolist(), scene.track_ids.tolist(), centre_rings(scene.masks), strict=True
        )
        for class_id, track_id, ring in columns:
            if len(ring):
                missing = max(0, _LEAST_POINTS - len(ring))
                ring = np.concatenate([ring, ring[-1:].repeat(missing, axis=0)])
                # A pixel's centre is half a pixel inside it, which readers that cut off decimals rely on.
                shares = ((ring + 0.5) / size_xy).ravel().tolist()
                points = " ".join(f"{share:.6f}" for share in shares)
                yield f"{self._class_numbers[class_id]} {points}" + (f" {track_id}" if with_ids else "")
