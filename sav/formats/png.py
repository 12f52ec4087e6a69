"""Indexed pictures: whose pixel it is and of which class, one PNG each a picture or frame.

`instances` has 16-bit ids, `classes` 8-bit class numbers as in `classes.txt`, `davis` the ids up to 255 in
the palette of DAVIS (https://davischallenge.org), which is Pascal VOC's too, as video object tools want them.
0 is background. A pixel has one owner, the smallest object on it; scores have no place in it.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sav.data.scene import Scene
from sav.data.types import IntArray
from sav.errors import SettingError
from sav.formats.layers import owners
from sav.formats.target import Target
from sav.formats.text import one_line
from sav.formats.writer import AnnotationWriter

logger = logging.getLogger(__name__)

_MOST_INSTANCES = 0xFFFF
# 0 is background, and unlabelled regions have a number as well.
_MOST_CLASSES = 254


class PngWriter(AnnotationWriter):
    """Writes `png/instances/`, `png/classes/`, `png/davis/` and `png/classes.txt`."""

    def __init__(self, target: Target) -> None:
        """Begin.

        Raises:
            ValueError: If there are more classes than 8 bits can number.
        """
        super().__init__(target)
        if len(target.categories) > _MOST_CLASSES:
            raise SettingError(
                f"png numbers {_MOST_CLASSES} classes at most, the detector knows {len(target.categories)};"
                " leave png out of --save"
            )
        self._numbers = {class_id: number for number, class_id in enumerate(target.names, start=1)}
        lines = [f"{self._numbers[class_id]} {one_line(name)}\n" for class_id, name in target.names.items()]
        self._text_file("png/classes.txt").writelines(lines)
        self._palette = davis_palette().tobytes()
        self._is_told = False

    def write(self, scene: Scene) -> None:
        """Add one picture's or frame's maps; a picture's regions have the ids after its objects'."""
        layer = owners(scene.instances.masks)
        ids = scene.instances.ids
        if not scene.is_tracked:
            first_region = int(scene.track_ids.max(initial=0)) + 1
            ids = np.concatenate([scene.track_ids, first_region + np.arange(len(scene.regions))])
        numbers = [self._numbers[class_id] for class_id in scene.instances.class_ids.tolist()]
        self._tell_of_large(ids)
        stem = self.target.stem(scene)
        self._save("instances", stem, _painted(layer, ids, np.uint16))
        self._save("davis", stem, _painted(layer, ids, np.uint8))
        self._save("classes", stem, _painted(layer, np.array(numbers, np.int64), np.uint8))

    def _save(self, kind: str, stem: str, picture: NDArray[np.uint8 | np.uint16]) -> None:
        image = Image.fromarray(picture)
        if picture.dtype == np.uint8:
            image.putpalette(self._palette)
        image.save(self._path(f"png/{kind}/{stem}.png"), compress_level=1)

    def _tell_of_large(self, ids: IntArray) -> None:
        if not self._is_told and ids.max(initial=0) > _MOST_INSTANCES:
            self._is_told = True
            logger.warning(
                "png/instances has 16 bits: objects with ids above %d are left out", _MOST_INSTANCES
            )


def _painted(layer: IntArray, values: IntArray, dtype: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """The value of each pixel's owner; 0 where there is none, or the value is too large for `dtype`."""
    table = np.append(np.where(values <= np.iinfo(dtype).max, values, 0), 0)
    return table.astype(dtype)[layer]


def davis_palette() -> NDArray[np.uint8]:
    """`(256, 3)` uint8 RGB: an index's bits, three at a time, become the high bits of red, green and blue."""
    index = np.arange(256)
    channels = [
        sum(((index >> (3 * place + channel)) & 1) << (7 - place) for place in range(8))
        for channel in range(3)
    ]
    return np.stack(channels, axis=1).astype(np.uint8)
