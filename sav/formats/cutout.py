"""Objects cut out of pictures: an RGBA PNG each, cropped to the mask, transparent and black around it.

Scores, boxes and empty masks have no place in it; unlabelled regions are left out.
"""

from __future__ import annotations

import os

from sav.data.crops import cut_out
from sav.data.scene import Scene
from sav.formats.text import file_part
from sav.formats.writer import AnnotationWriter
from sav.media.pictures import write_picture

# What file systems allow a name to have.
_MOST_BYTES = 255


class CutoutPicturesWriter(AnnotationWriter):
    """Writes `cutout/PICTURE_NUMBER_CLASS.png`."""

    def write(self, scene: Scene) -> None:
        """Add one picture's objects."""
        stem = self.target.stem(scene)
        columns = zip(scene.track_ids.tolist(), scene.class_ids.tolist(), scene.masks.crops(), strict=True)
        for number, class_id, (crop, where) in columns:
            if crop.size:
                path = self._path(f"cutout/{self._name(stem, number, class_id)}.png")
                write_picture(path, cut_out(scene.frame.image[where], crop))

    def _name(self, stem: str, number: int, class_id: int) -> str:
        """A name that fits a file system; a class of signs alone, which a path may not hold, has its id."""
        head = f"{stem}_{number:03d}_"
        room = _MOST_BYTES - len(os.fsencode(f"{head}.png"))
        label = file_part(self.target.names[class_id], room) or f"class_{class_id}"[: max(0, room)]
        return head + label
