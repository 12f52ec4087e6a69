"""What a scene is in the rows of a store: boxes and masks as bytes, exact and small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame

FRAME = "name, time, height, width, is_tracked, duplicates, detections"
OBJECT = "track_id, class_id, score, box, mask_box, mask"
REGION = "region_id, mask_box, mask"

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


def frame_row(scene: Scene) -> tuple[Any, ...]:
    """The columns of `FRAME`."""
    height, width = scene.size_hw
    name, time = scene.frame.name, str(scene.frame.time)
    return name, time, height, width, scene.is_tracked, scene.duplicates, _packed(scene.candidates)


def object_rows(scene: Scene) -> Iterator[tuple[Any, ...]]:
    """The columns of `OBJECT` for each object."""
    boxes = scene.boxes_xyxy.astype("<f4")
    columns = (scene.track_ids.tolist(), scene.class_ids.tolist(), scene.scores.tolist())
    for place, (track_id, class_id, score) in enumerate(zip(*columns, strict=True)):
        yield track_id, class_id, score, boxes[place].tobytes(), *_packed_mask(scene.masks, place)


def region_rows(scene: Scene) -> Iterator[tuple[Any, ...]]:
    """The columns of `REGION` for each region."""
    for place, region_id in enumerate(scene.region_ids.tolist()):
        yield region_id, *_packed_mask(scene.regions, place)


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
    track_ids, class_ids, scores, boxes, mask_boxes, masks = objects
    region_ids, region_boxes, region_masks = regions

    size_hw = (height, width)
    kept = _masks(size_hw, region_boxes, region_masks)
    image = np.broadcast_to(np.zeros(3, np.uint8), (*size_hw, 3))
    return Scene(
        frame=Frame(image, index, name, Fraction(time)),
        detections=Detections(
            np.frombuffer(b"".join(boxes), "<f4").astype(np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(class_ids, np.int64),
        ),
        masks=_masks(size_hw, mask_boxes, masks),
        track_ids=np.array(track_ids, np.int64),
        categories=categories,
        everything=kept,
        regions=kept,
        region_ids=np.array(region_ids, np.int64),
        is_tracked=bool(is_tracked),
        duplicates=duplicates,
        candidates=_unpacked(detections),
    )


def _packed_mask(masks: Masks, place: int) -> tuple[bytes, bytes]:
    """A mask's tight box and its bits."""
    box = masks.boxes_xyxy[place].astype("<i4").tobytes()
    return box, zlib.compress(masks.bits(place).tobytes(), _LEVEL)


def _masks(size_hw: tuple[int, int], boxes: Sequence[bytes], masks: Sequence[bytes]) -> Masks:
    """What `_packed_mask` took apart."""
    boxes_xyxy = np.frombuffer(b"".join(boxes), "<i4").astype(np.int64).reshape(-1, 4)
    bits = b"".join(zlib.decompress(mask) for mask in masks)
    return Masks(size_hw, boxes_xyxy, np.frombuffer(bits, np.uint8))


def _packed(detections: Detections) -> bytes:
    table = np.empty(len(detections), _DETECTION)
    table["box"], table["score"] = detections.boxes_xyxy, detections.scores
    table["class_id"] = detections.class_ids
    return zlib.compress(table.tobytes(), _LEVEL)


def _unpacked(packed: bytes) -> Detections:
    table = np.frombuffer(zlib.decompress(packed), _DETECTION)
    return Detections(
        table["box"].astype(np.float32), table["score"].astype(np.float32), table["class_id"].astype(np.int64)
    )
