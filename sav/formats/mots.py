"""MOTS text, KITTI's and MOTSChallenge's: one line an object and frame, with its mask as RLE.

Format: https://www.vision.rwth-aachen.de/page/mots, `frame id class height width rle`. KITTI counts frames
from 0, MOTSChallenge from 1. Both know cars (1) and pedestrians (2) alone; other classes get numbers that
neither uses, listed in `classes.txt`. Masks may not overlap: a pixel belongs to the smallest object on it.
Empty masks and scores have no place in it.
"""

from __future__ import annotations

from sav.data.scene import Scene
from sav.formats.layers import without_overlap
from sav.formats.target import Target
from sav.formats.text import one_line
from sav.formats.writer import AnnotationWriter

_OWN_NUMBERS = {"car": 1, "person": 2, "pedestrian": 2}
_FIRST_OTHER = 100


class MotsWriter(AnnotationWriter):
    """Writes `mots/kitti.txt`, `mots/challenge.txt` and `mots/classes.txt` for a video."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._kitti = self._text_file("mots/kitti.txt")
        self._challenge = self._text_file("mots/challenge.txt")
        self._numbers = {
            class_id: _OWN_NUMBERS.get(target.names[class_id], _FIRST_OTHER + class_id)
            for class_id in target.class_ids
        }
        classes = self._text_file("mots/classes.txt")
        classes.writelines(f"{self._numbers[i]} {one_line(target.names[i])}\n" for i in target.class_ids)

    def write(self, scene: Scene) -> None:
        """Add one frame's objects."""
        height, width = scene.size_hw
        masks = without_overlap(scene.masks)
        columns = zip(
            scene.track_ids.tolist(),
            scene.class_ids.tolist(),
            masks.areas.tolist(),
            masks.rles(),
            strict=True,
        )
        for track_id, class_id, area, rle in columns:
            if area:
                rest = f"{track_id} {self._numbers[class_id]} {height} {width} {rle['counts']}\n"
                self._kitti.write(f"{scene.frame.index} {rest}")
                self._challenge.write(f"{scene.frame.index + 1} {rest}")
