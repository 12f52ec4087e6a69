"""What a scene is in the rows of a store: boxes and masks as bytes, exact and small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, repeat
from typing import Any

import numpy as np

from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame

FRAME = "name, time, height, width, is_tracked, duplicates, detections"
INSTANCE = "id, class_id, score, box, mask_box, mask"

_DETECTION = np.dtype([("box", "<f4", 4), ("score", "<f4"), ("class_id", "<i8")])
# Masks are long runs of equal bits, which the quickest level makes nearly as small as the best.
_LEVEL = 1


@dataclass(frozen=True, eq=False)
class Entry:
    """What is stored of one frame or picture.

    Attributes:
        scene: What was found, without its pixels: the image is black, and of what SAM found by itself there
            are the regions.
        key: The name of a picture's results; empty in a video.
        source: A picture's path, from the folder of the results.
        content: What stands for the picture's content.
    """

    scene: Scene
    key: str = ""
    source: str = ""
    content: str = ""


@dataclass(frozen=True)
class Packed:
    """A scene as the rows of a store; small, and two of the same objects are equal.

    Attributes:
        frame: The columns of `FRAME`.
        objects: The columns of `INSTANCE` for each object.
        regions: The same for each region.
        index: The number of the frame.
    """

    frame: tuple[Any, ...]
    objects: tuple[tuple[Any, ...], ...]
    regions: tuple[tuple[Any, ...], ...]
    index: int = 0

    @classmethod
    def of(cls, scene: Scene) -> Packed:
        """What is stored of a scene."""
        objects, regions = (tuple(instance_rows(table)) for table in (scene.objects, scene.regions))
        return cls(frame_row(scene), objects, regions, scene.frame.index)


def frame_row(scene: Scene) -> tuple[Any, ...]:
    """The columns of `FRAME`."""
    height, width = scene.size_hw
    name, time = scene.frame.name, str(scene.frame.time)
    return name, time, height, width, scene.is_tracked, scene.duplicates, _packed(scene.candidates)


def instance_rows(instances: Instances) -> Iterator[tuple[Any, ...]]:
    """The columns of `INSTANCE` for each object or region."""
    boxes, masks = instances.boxes_xyxy.astype("<f4"), instances.masks
    columns = (instances.ids.tolist(), instances.class_ids.tolist(), instances.scores.tolist())
    for place, row in enumerate(zip(*columns, strict=True)):
        mask_box = masks.boxes_xyxy[place].astype("<i4").tobytes()
        bits = zlib.compress(masks.bits(place).tobytes(), _LEVEL)
        yield *row, boxes[place].tobytes(), mask_box, bits


def scene_of(
    index: int,
    categories: Mapping[int, str],
    row: Sequence[Any],
    objects: Sequence[Sequence[Any]],
    regions: Sequence[Sequence[Any]],
) -> Scene:
    """What the rows of one frame tell of, with a black image; `objects` and `regions` by column.

    Raises:
        ValueError: They are damaged.
    """
    name, time, height, width, is_tracked, duplicates, detections = row
    size_hw = (height, width)
    kept = _instances(size_hw, regions)
    image = np.broadcast_to(np.zeros(3, np.uint8), (*size_hw, 3))
    return Scene(
        frame=Frame(image, index, name, Fraction(time)),
        objects=_instances(size_hw, objects),
        regions=kept,
        categories=categories,
        everything=kept,
        is_tracked=bool(is_tracked),
        duplicates=duplicates,
        candidates=_unpacked(detections),
    )


def _instances(size_hw: tuple[int, int], columns: Sequence[Sequence[Any]]) -> Instances:
    """What `instance_rows` took apart, by column."""
    ids, class_ids, scores, boxes, mask_boxes, masks = columns
    bits = b"".join(zlib.decompress(mask) for mask in masks)
    return Instances(
        np.frombuffer(b"".join(boxes), "<f4").astype(np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        np.array(ids, np.int64),
        Masks(
            size_hw,
            np.frombuffer(b"".join(mask_boxes), "<i4").astype(np.int64).reshape(-1, 4),
            np.frombuffer(bits, np.uint8),
        ),
    )


def _packed(detections: Detections) -> bytes:
    table = np.empty(len(detections), _DETECTION)
    table["box"], table["score"] = detections.boxes_xyxy, detections.scores
    table["class_id"] = detections.class_ids
    parts = [table.tobytes(), detections.looks.tobytes(), detections.shapes.tobytes()]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return b"".join(zlib.compress(part, _LEVEL) for part in parts)


def _unpacked(packed: bytes) -> Detections:
    """What `_packed` made: the table, looks and shapes, less those at the end that there are not."""
    rows, looks, shapes = islice(_streams(packed), 3)
    table = np.frombuffer(rows, _DETECTION)
    return Detections(
        table["box"].astype(np.float32),
        table["score"].astype(np.float32),
        table["class_id"].astype(np.int64),
        np.frombuffer(looks, np.int8).reshape(len(table), -1 if looks else 0),
        np.frombuffer(shapes, np.uint8).reshape(len(table), -1 if shapes else 0),
    )


def _streams(packed: bytes) -> Iterator[bytes]:
    """What was compressed into some bytes, part by part; then empty ones."""
    while packed:
        stream = zlib.decompressobj()
        yield stream.decompress(packed) + stream.flush()
        if not stream.eof:
            raise zlib.error("the table of detections is cut off")
        packed = stream.unused_data
    yield from repeat(b"")
