"""What a detector finds on validation pictures, scored by pycocotools, a class at a time.

COCO's measures are means over classes, and each class is matched by itself: scored one by one, with only the
pictures that have anything of it, the result is the same to the last digit, in a fraction of the memory (with
365 classes and 80 000 pictures pycocotools would otherwise list 117 million matchings).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params

from sav.config import DetectionConfig
from sav.data.types import Detections
from sav.detectors.yolo import YoloDetector
from sav.media.pictures import read_picture
from tools.training.listing import Truth
from tools.training.placing import IMAGES

# As in COCO's own evaluation and ultralytics': nearly all boxes count, at most so many a picture.
LEAST_SCORE, NMS_IOU, MOST_BOXES = 0.001, 0.7, 300
# Pictures of one size that are seen together.
_BATCH = 16
# What COCOeval.summarize gives, in its order.
MEASURES = (
    "AP", "AP50", "AP75", "AP small", "AP medium", "AP large",
    "AR 1", "AR 10", "AR 100", "AR small", "AR medium", "AR large",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Found:
    """The N boxes that a detector found, of all pictures.

    Attributes:
        pictures: `(N,)` int64, which picture.
        xyxy: `(N, 4)` float32, pixels.
        class_ids: `(N,)` int64.
        scores: `(N,)` float32.
    """

    pictures: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]


def detect(
    checkpoint: Path,
    truth: Truth,
    work: Path,
    device: torch.device,
    imgsz: int,
    tell: Callable[[int, int], None] = lambda done, count: None,
) -> Found:
    """All that a checkpoint finds, through the very detector that seg.py and track.py have.

    Args:
        checkpoint: An ultralytics checkpoint.
        truth: Says which pictures, and the size that boxes are told in.
        work: The folder with `images`.
        device: Where to compute.
        imgsz: Long side, in pixels, at which pictures are seen; smaller ones are not enlarged.
        tell: Told how many pictures of all are done.

    Raises:
        CheckpointError: It is no detector.
        PictureError: A picture cannot be read.
    """
    config = DetectionConfig(conf=LEAST_SCORE, iou=NMS_IOU, max_det=MOST_BOXES, imgsz=imgsz)
    detector = YoloDetector(checkpoint, device, config)
    rows: list[Found] = []
    done = 0
    for places in _batches(truth):
        images = [read_picture(work / IMAGES / str(truth.names[place])) for place in places]
        for place, image, detections in zip(places, images, detector(images), strict=True):
            rows.append(_as_told(place, detections, image.shape[1::-1], truth.sizes_wh[place]))
        done += len(places)
        tell(done, len(truth.names))
    return Found(
        np.concatenate([np.empty(0, np.int64), *(row.pictures for row in rows)]),
        np.concatenate([np.empty((0, 4), np.float32), *(row.xyxy for row in rows)]),
        np.concatenate([np.empty(0, np.int64), *(row.class_ids for row in rows)]),
        np.concatenate([np.empty(0, np.float32), *(row.scores for row in rows)]),
    )


def _batches(truth: Truth) -> Iterator[list[int]]:
    """The pictures, those of one size beside each other."""
    order = np.lexsort(truth.sizes_wh.T).tolist()
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


def _as_told(
    place: int, detections: Detections, seen_wh: tuple[int, ...], told_wh: NDArray[np.int64]
) -> Found:
    """What was found in a picture, in the size that its true boxes are told in."""
    scale = np.tile(told_wh / np.array(seen_wh), 2).astype(np.float32)
    pictures = np.full(len(detections), place, np.int64)
    return Found(pictures, detections.boxes_xyxy * scale, detections.class_ids, detections.scores)


def score(found: Found, truth: Truth, class_count: int) -> tuple[dict[str, float], dict[int, float]]:
    """COCO's measures, and AP by class for those that the validation pictures have.

    Returns:
        The measures by name, and AP by class id, 0 to 1; -1 where there is nothing to measure.
    """
    precisions, recalls = [], []
    for number in range(class_count):
        precision, recall = _of_class(found, truth, number)
        precisions.append(precision)
        recalls.append(recall)
    whole = COCOeval(iouType="bbox")
    whole.eval = {"precision": np.concatenate(precisions, 2), "recall": np.concatenate(recalls, 1)}
    with contextlib.redirect_stdout(io.StringIO()):
        whole.summarize()
    measures = dict(zip(MEASURES, map(float, whole.stats), strict=True))
    by_class = {number: _mean(precision[:, :, 0, 0, -1]) for number, precision in enumerate(precisions)}
    return measures, {number: value for number, value in by_class.items() if value >= 0}


def _mean(values: NDArray[np.float64]) -> float:
    known = values[values > -1]
    return float(known.mean()) if len(known) else -1.0


def _of_class(found: Found, truth: Truth, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision `(IoUs, recalls, 1, areas, limits)` and recall `(IoUs, 1, areas, limits)` of a class."""
    theirs, ours = truth.boxes.class_ids == number, found.class_ids == number
    if not theirs.any():  # without true boxes there is nothing to measure, whatever was found
        shape = Params(iouType="bbox")
        sizes = (len(shape.iouThrs), len(shape.recThrs), 1, len(shape.areaRng), len(shape.maxDets))
        return np.full(sizes, -1.0), np.full((sizes[0], *sizes[2:]), -1.0)
    pictures = np.union1d(truth.pictures[theirs], found.pictures[ours]).tolist()
    true_rows = _annotations(truth.pictures[theirs], truth.boxes.xyxy[theirs])
    for row, is_crowd in zip(true_rows, truth.boxes.are_crowds[theirs].tolist(), strict=True):
        row["iscrowd"] = int(is_crowd)
    found_rows = _annotations(found.pictures[ours], found.xyxy[ours])
    for row, one in zip(found_rows, found.scores[ours].tolist(), strict=True):
        row["score"] = one
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(pictures, true_rows), _coco(pictures, found_rows), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"], evaluation.eval["recall"]


def _annotations(pictures: NDArray[np.int64], xyxy: NDArray[Any]) -> list[dict[str, Any]]:
    sides = (xyxy[:, 2:] - xyxy[:, :2]).astype(np.float64)
    boxes = np.concatenate([xyxy[:, :2], sides], 1).tolist()
    rows = zip(pictures.tolist(), boxes, sides.prod(1).tolist(), strict=True)
    return [
        {"id": number, "image_id": picture, "category_id": 1, "bbox": box, "area": area, "iscrowd": 0}
        for number, (picture, box, area) in enumerate(rows, 1)
    ]


def _coco(pictures: list[int], annotations: list[dict[str, Any]]) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": picture} for picture in pictures],
        "annotations": annotations,
        "categories": [{"id": 1}],
    }
    coco.createIndex()
    return coco
