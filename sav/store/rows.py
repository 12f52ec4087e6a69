"""What a scene is in the rows of a store: boxes and masks as bytes, exact and small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.counted import CountedMasks, MaskMeasures
from sav.data.instances import Instances
from sav.data.masks import Masks
from sav.data.scene import Scene
from sav.data.types import Detections, Frame

FRAME = "name, time, height, width, is_tracked, duplicates, detections, doubtful, measures"
INSTANCE = "id, class_id, score, box, mask_box, mask"

Rows = tuple[tuple[Any, ...], ...]

_DETECTION = np.dtype([("box", "<f4", 4), ("score", "<f4"), ("class_id", "<i8")])
_MEASURE = np.dtype([("area", "<i8"), ("centroid", "<f4", 2), ("is_doubtful", "?")])
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
    objects: Rows
    regions: Rows
    index: int = 0

    @classmethod
    def of(cls, scene: Scene, is_measured: bool = False) -> Packed:
        """What is stored of a scene.

        Args:
            scene: It.
            is_measured: Store what is dear to work out of the masks, so that nobody does it again, and their
                run lengths in place of their pixels, which are then made again by who asks for them.
        """
        objects, regions = cls.instances_of(scene, is_measured)
        return cls(frame_row(scene, is_measured), objects, regions, scene.frame.index)

    @staticmethod
    def instances_of(scene: Scene, is_measured: bool) -> tuple[Rows, Rows]:
        """The rows of the objects and of the regions; see `of`."""
        objects, regions = (
            tuple(instance_rows(table, is_measured)) for table in (scene.objects, scene.regions)
        )
        return objects, regions


def frame_row(scene: Scene, is_measured: bool) -> tuple[Any, ...]:
    """The columns of `FRAME`."""
    name, time, detections = scene.frame.name, str(scene.frame.time), _packed(scene.candidates)
    measures = (int(np.count_nonzero(scene.doubtful)), _measures(scene)) if is_measured else (None, None)
    return name, time, *scene.size_hw, scene.is_tracked, scene.duplicates, detections, *measures


def instance_rows(instances: Instances, is_measured: bool) -> Iterator[tuple[Any, ...]]:
    """The columns of `INSTANCE` for each object or region; masks that were measured are COCO's counts."""
    boxes, masks = instances.boxes_xyxy.astype("<f4"), instances.masks
    columns = (instances.ids.tolist(), instances.class_ids.tolist(), instances.scores.tolist())
    for place, row in enumerate(zip(*columns, strict=True)):
        mask_box = masks.boxes_xyxy[place].astype("<i4").tobytes()
        if is_measured:
            mask = masks.rle_counts[place].encode("ascii")
        else:
            mask = zlib.compress(masks.bits(place).tobytes(), _LEVEL)
        yield *row, boxes[place].tobytes(), mask_box, mask


def scene_of(
    index: int,
    key: str,
    categories: Mapping[int, str],
    row: Sequence[Any],
    objects: Sequence[Sequence[Any]],
    regions: Sequence[Sequence[Any]],
) -> Scene:
    """What the rows of one frame tell of, with a black image.

    Args:
        index: The frame's number.
        key: What its files are called; empty in a video.
        categories: Every class.
        row: The columns of `FRAME`.
        objects: The columns of `INSTANCE` for each object.
        regions: The same for each region.

    Raises:
        ValueError: They are damaged.
    """
    name, time, height, width, is_tracked, duplicates, detections, _, measures = row
    size_hw = (height, width)
    measured = _measured(measures, objects, regions)
    found, kept = (_instances(size_hw, *table) for table in zip((objects, regions), measured, strict=True))
    if not categories.keys() >= set(found.class_ids.tolist()):
        raise ValueError("an object has a class that the detector does not know")
    image = np.broadcast_to(np.zeros(3, np.uint8), (*size_hw, 3))
    return Scene(
        frame=Frame(image, index, name, Fraction(time), key),
        objects=found,
        regions=kept,
        categories=categories,
        everything=kept,
        is_tracked=bool(is_tracked),
        duplicates=duplicates,
        candidates=_unpacked(detections),
    )


def _instances(
    size_hw: tuple[int, int],
    instances: Sequence[Sequence[Any]],
    measured: NDArray[Any] | None,
) -> Instances:
    """What `instance_rows` took apart, with what is known of the masks, if they were measured."""
    if not instances:
        return Instances.empty(size_hw)
    ids, class_ids, scores, boxes, mask_boxes, packed = zip(*instances, strict=True)
    boxes_xyxy = np.frombuffer(b"".join(mask_boxes), "<i4").astype(np.int64).reshape(-1, 4)
    if measured is None:
        bits = b"".join(map(zlib.decompress, packed))
        masks = Masks(size_hw, boxes_xyxy, np.frombuffer(bits, np.uint8))
    else:
        areas, centroids = measured["area"].astype(np.int64), measured["centroid"].astype(np.float32)
        counts = [str(mask, "ascii") for mask in packed]
        masks = CountedMasks(size_hw, boxes_xyxy, MaskMeasures(areas, centroids, counts))

    table = Instances(
        np.frombuffer(b"".join(boxes), "<f4").astype(np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(class_ids, np.int64),
        np.array(ids, np.int64),
        masks,
    )
    if measured is not None:
        vars(table)["doubtful"] = measured["is_doubtful"].astype(np.bool_)  # is not worked out again
    return table


def _measures(scene: Scene) -> bytes:
    """What was worked out of the masks of the objects, then of the regions, behind a check sum of all."""
    tables = (scene.objects, scene.regions)
    measures = np.empty(sum(map(len, tables)), _MEASURE)
    measures["area"] = np.concatenate([table.masks.areas for table in tables])
    measures["centroid"] = np.concatenate([table.masks.centroids_xy for table in tables])
    measures["is_doubtful"] = np.concatenate([table.doubtful for table in tables])
    counts = "".join(text for table in tables for text in table.masks.rle_counts)
    return _check_sum(measures.tobytes(), counts.encode("ascii")) + measures.tobytes()


def _measured(
    measures: bytes | None, objects: Sequence[Sequence[Any]], regions: Sequence[Sequence[Any]]
) -> Sequence[NDArray[Any] | None]:
    """What `_measures` made, of the objects and of the regions; None where nothing was kept.

    Raises:
        ValueError: It is damaged, or the masks are.
    """
    if measures is None:
        return None, None
    counts = b"".join(row[-1] for table in (objects, regions) for row in table)
    if measures[:4] != _check_sum(measures[4:], counts):
        raise ValueError("masks are damaged")
    return np.split(np.frombuffer(measures, _MEASURE, offset=4), [len(objects)])


def _check_sum(*parts: bytes) -> bytes:
    number = 0
    for part in parts:
        number = zlib.crc32(part, number)
    return number.to_bytes(4, "little")


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
