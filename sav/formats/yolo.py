"""YOLO segmentation data set, ready for `yolo train`: pictures, one polygon an object, and a YAML file.

Format: https://docs.ultralytics.com/datasets/segment. A mask becomes one ring, its pieces and holes joined by
bridges a pixel wide, through the centres of its border pixels. Scores, empty masks and unlabelled regions
have no place in it; track ids only as an option, which ultralytics writes but does not train on.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sav.data.polygons import Ring, centre_rings
from sav.data.scene import Scene
from sav.data.types import IntArray
from sav.formats.target import Target
from sav.formats.text import one_line, yaml_text
from sav.formats.writer import AnnotationWriter
from sav.media.pictures import write_picture

# A line with fewer points is no polygon to ultralytics.
_LEAST_POINTS = 3
_LAST_DECIMAL = 1e-6


class YoloWriter(AnnotationWriter):
    """Writes `yolo/dataset.yaml`, `yolo/classes.txt`, `yolo/images/` and `yolo/labels/`."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        names = [target.names[class_id] for class_id in target.class_ids]
        self._class_numbers = {class_id: number for number, class_id in enumerate(target.class_ids)}
        table = "".join(f"  {i}: {yaml_text(name)}\n" for i, name in enumerate(names))
        self._text_file("yolo/dataset.yaml").write(f"train: images\nval: images\nnames:\n{table}")
        self._text_file("yolo/classes.txt").writelines(f"{one_line(name)}\n" for name in names)

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
                points = " ".join(f"{share:.6f}" for share in shares(ring, size_xy).ravel().tolist())
                yield f"{self._class_numbers[class_id]} {points}" + (f" {track_id}" if with_ids else "")


def shares(ring: Ring, size_xy: IntArray) -> NDArray[np.float64]:
    """A ring through pixels as shares of the picture that lie inside its pixels for every reader.

    Half a pixel on from a pixel's corner, less the last decimal that is written: readers that cut off
    decimals (ultralytics) and readers that round, half to even (supervision), both get the pixel.
    """
    points = ring + 0.5
    # A mask that is one pixel wide would have a box without width: every other point goes to another side.
    is_thin = ring.min(axis=0) == ring.max(axis=0)
    points[1::2, is_thin] -= 0.4
    return points / size_xy - _LAST_DECIMAL
