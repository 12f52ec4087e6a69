"""SAM asked for the masks of boxes in one picture, and of no box twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sav.data.masks import Masks
from sav.data.shapes import BYTES, shapes_in_boxes
from sav.data.types import Detections, FloatArray, Frame, Image, IntArray
from sav.sam.model import Embedding, SamModel
from sav.stages.halving import in_halves

# What to do where SAM does not fit.
SMALLER = "take a smaller SAM checkpoint, --precision float16, or --device cpu"


class Asked:
    """A frame of which SAM may be asked before it is known who is who.

    Attributes:
        detections: What was seen in it; once SAM was asked, with the shapes of those masks.
        embedding: The frame as SAM sees it; None while nothing was asked.
    """

    def __init__(self, sam: SamModel, frame: Frame, detections: Detections) -> None:
        """Ask nothing yet."""
        self._sam, self._frame = sam, frame
        self._rows, self._masks = np.zeros(0, np.int64), Masks.empty(frame.size_hw)
        self.detections = detections
        self.embedding: Embedding | None = None

    def __call__(self, rows: IntArray) -> Detections:
        """The detections with the shapes of those in `(k,)` rows; to be called once at most.

        Raises:
            DeviceMemoryError: There is no memory for the picture, or for one mask alone.
        """
        self.embedding = embedded(self._sam, self._frame.image)
        boxes = self.detections.boxes_xyxy[rows]
        self._rows, self._masks = rows, boxed_masks(self._sam, self.embedding, boxes, self._frame.size_hw)
        shapes = np.zeros((len(self.detections), BYTES), np.uint8)
        shapes[rows] = shapes_in_boxes(self._masks, boxes)
        self.detections = replace(self.detections, shapes=shapes)
        return self.detections

    def masks(self, embedding: Embedding, rows: IntArray) -> Masks:
        """The masks of the detections in `(k,)` rows; SAM is asked for those that it was not asked for.

        Raises:
            DeviceMemoryError: There is no memory for one of them alone.
        """
        places = np.full(len(self.detections), -1)
        places[self._rows] = np.arange(len(self._rows))
        missing = rows[places[rows] < 0]
        places[missing] = len(self._rows) + np.arange(len(missing))
        boxes, size_hw = self.detections.boxes_xyxy[missing], self._frame.size_hw
        others = boxed_masks(self._sam, embedding, boxes, size_hw)
        return Masks.concatenate(size_hw, [self._masks, others])[places[rows]]


def masks_of(sam: SamModel, image: Image, boxes_xyxy: FloatArray) -> Masks:
    """One mask for each of `(N, 4)` boxes in the pixels of an `(H, W, 3)` uint8 BGR picture.

    Raises:
        DeviceMemoryError: There is no memory for one of them alone.
    """
    return boxed_masks(sam, embedded(sam, image), boxes_xyxy, (image.shape[0], image.shape[1]))


def embedded(sam: SamModel, image: Image) -> Embedding:
    """An `(H, W, 3)` uint8 BGR picture as SAM's encoder sees it.

    Raises:
        DeviceMemoryError: There is no memory for it.
    """
    (embedding,) = in_halves(sam.embed, [image], SMALLER)
    return embedding


def boxed_masks_together(
    sam: SamModel,
    embeddings: Sequence[Embedding],
    boxes_xyxy: Sequence[FloatArray],
    sizes_hw: Sequence[tuple[int, int]],
) -> list[Masks]:
    """One mask for each of `(N, 4)` boxes in each of some embedded pictures, in pixels of each.

    Raises:
        DeviceMemoryError: There is no memory for one of them alone.
    """

    def some(pictures: Sequence[tuple[Embedding, FloatArray, tuple[int, int]]]) -> list[Masks]:
        if len(pictures) == 1:
            return [boxed_masks(sam, *pictures[0])]
        of_each, boxes, _ = zip(*pictures, strict=True)
        return sam.masks_from_boxes_together(of_each, boxes)

    pictures = [*zip(embeddings, boxes_xyxy, sizes_hw, strict=True)]
    return in_halves(some, pictures, SMALLER) if pictures else []


def boxed_masks(
    sam: SamModel, embedding: Embedding, boxes_xyxy: FloatArray, size_hw: tuple[int, int]
) -> Masks:
    """One mask for each of `(N, 4)` boxes in the pixels of an embedded picture.

    Raises:
        DeviceMemoryError: There is no memory for one of them alone.
    """

    def some(boxes: FloatArray) -> list[Masks]:
        return [sam.masks_from_boxes(embedding, boxes)]

    parts = in_halves(some, boxes_xyxy, SMALLER)
    return parts[0] if len(parts) == 1 else Masks.concatenate(size_hw, parts)
