"""What lies under a drawing: the frame itself, its objects made unrecognisable, or cut out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.types import Image, IntArray
from sav.looks import DrawConfig

if TYPE_CHECKING:
    from sav.data.scene import Scene

# Cells along the shorter side of an object that is blurred: too few to know a face by in it, however large.
_CELLS = 8
# A mask is hidden with an edge of such a share of the picture's shorter side, which may still show something.
_EDGE = 1 / 200


def ground(scene: Scene, config: DrawConfig) -> Image:
    """The frame as it is drawn on, `(H, W, 3)` uint8 BGR; an array of its own where anything is changed.

    Where a mask is doubtful the detector's box is hidden with it. What neither of the models saw in a frame
    is not hidden in it.
    """
    image = scene.frame.image
    if config.hide:
        image = _hidden(scene, config.hide)
    if config.background is not None:
        plain = np.empty_like(scene.frame.image)
        plain[:] = config.background
        objects = scene.masks.union().view(np.uint8)
        image = np.asarray(cv2.copyTo(image, objects, plain), np.uint8)
    return image


def _hidden(scene: Scene, how: str) -> Image:
    """The frame with its objects blurred or black."""
    hidden = scene.frame.image.copy()
    for (x0, y0, x1, y1), mask in _silhouettes(scene):
        place = hidden[y0:y1, x0:x1]
        source = scene.frame.image[y0:y1, x0:x1]
        cv2.copyTo(_blurred(source) if how == "blur" else np.zeros_like(source), mask, place)
    return hidden


def _blurred(image: Image) -> Image:
    """A picture in a few large cells, which run into each other."""
    height, width = image.shape[:2]
    cell = max(2, -(-min(height, width) // _CELLS))
    few = max(1, width // cell), max(1, height // cell)
    coarse = cv2.resize(image, few, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _silhouettes(scene: Scene) -> Iterator[tuple[list[int], NDArray[np.uint8]]]:
    """An object each, large ones first: a window x0, y0, x1, y1 and the pixels in it that are hidden."""
    height, width = scene.size_hw
    detected = _cut_to_picture(scene)
    boxes = _hulls(scene, detected)
    reach = 1 + round(min(height, width) * _EDGE)
    margin = np.array([-reach, -reach, reach, reach])
    windows = np.clip(boxes + margin, 0, [width, height] * 2)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))

    sizes = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(axis=1)
    for position in np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)].tolist():
        x0, y0, x1, y1 = windows[position].tolist()
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        rows, columns = _within(scene.masks.boxes_xyxy[position], x0, y0)
        if scene.masks.areas[position]:
            mask[rows, columns] = scene.masks.crop(position)
        if scene.doubtful[position]:
            mask[_within(detected[position], x0, y0)] = 1
        yield [x0, y0, x1, y1], np.asarray(cv2.dilate(mask, kernel), np.uint8)


def _cut_to_picture(scene: Scene) -> IntArray:
    """`(N, 4)` the detector's boxes in whole pixels, as much of them as lies in the picture."""
    height, width = scene.size_hw
    boxes = scene.boxes_xyxy
    outer = np.concatenate([np.floor(boxes[:, :2]), np.ceil(boxes[:, 2:])], axis=1)
    return np.clip(outer, 0, [width, height] * 2).astype(np.int64)


def _hulls(scene: Scene, detected: IntArray) -> IntArray:
    """`(N, 4)` boxes around all that is to be hidden: the masks, and where in doubt the detector's boxes."""
    masks = scene.masks.boxes_xyxy
    has_mask, has_box = scene.masks.areas > 0, (detected[:, :2] < detected[:, 2:]).all(axis=1)
    low, high = np.minimum(masks[:, :2], detected[:, :2]), np.maximum(masks[:, 2:], detected[:, 2:])
    both = np.concatenate([low, high], axis=1)
    hulls = np.where((scene.doubtful & has_box)[:, None], both, masks)
    return np.where(has_mask[:, None], hulls, detected)


def _within(box: IntArray, left: int, top: int) -> tuple[slice, slice]:
    """Rows and columns of a box in a window that begins at `left`, `top`."""
    x0, y0, x1, y1 = (box - [left, top, left, top]).tolist()
    return slice(max(0, y0), max(0, y1)), slice(max(0, x0), max(0, x1))
