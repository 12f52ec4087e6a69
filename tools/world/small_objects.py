"""A 4K picture full of small objects: the samples at a quarter of their size; what a detector finds in it.

python -m tools.world.small_objects --slices auto
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.config import DetectionConfig
from sav.data.types import Detections, Image
from sav.detectors.sliced import Sliced
from sav.detectors.yolo import YoloDetector
from sav.device import choose_device
from sav.media.pictures import read_picture

SAMPLES = Path("TestImages")
SIZE = (3840, 2160)
SMALL = 32
"""Pixels: an object is small whose longer side is shorter."""

# Least IoU of a box that finds an object, as for COCO's AP50.
_FOUND = 0.5


@dataclass(frozen=True, eq=False)
class Mosaic:
    """A picture and the objects in it.

    Attributes:
        picture: `(H, W, 3)` uint8, BGR.
        boxes_xyxy: `(N, 4)` float64, pixels.
        names: `(N,)` str, their classes.
    """

    picture: Image
    boxes_xyxy: NDArray[np.float64]
    names: NDArray[np.str_]

    @property
    def are_small(self) -> NDArray[np.bool_]:
        """`(N,)` bool: which objects are small."""
        sides: NDArray[np.float64] = (self.boxes_xyxy[:, 2:] - self.boxes_xyxy[:, :2]).max(axis=1)
        return sides < SMALL


@dataclass(frozen=True)
class Figures:
    """What a detector finds in a mosaic.

    Attributes:
        recall: Share of the small objects that are found.
        doubles: Boxes too many, of an object that has another in the same slice: the detector's own.
        border_doubles: Boxes too many, of an object that has another in another slice.
        boxes: How many boxes there are.
    """

    recall: float
    doubles: int
    border_doubles: int
    boxes: int


def make_mosaic(samples: Path = SAMPLES, size: tuple[int, int] = SIZE, shrink: int = 4) -> Mosaic:
    """Tile a picture of `size` (width, height) with the samples, every other one mirrored."""
    truth = json.loads((samples / "ground_truth" / "pictures.json").read_text())
    names = {item["id"]: item["name"] for item in truth["categories"]}
    tiles = [_tile(samples, image, truth["annotations"], names, shrink) for image in truth["images"]]
    height, width = tiles[0].picture.shape[:2]
    picture = np.full((size[1], size[0], 3), 128, np.uint8)
    boxes, classes = [np.zeros((0, 4))], [np.zeros(0, np.str_)]
    places = [
        (x, y) for y in range(0, size[1] - height + 1, height) for x in range(0, size[0] - width + 1, width)
    ]
    for number, (x, y) in enumerate(places):
        tile = tiles[number % len(tiles)]
        if number // len(tiles) % 2:
            tile = _mirrored(tile)
        picture[y : y + height, x : x + width] = tile.picture
        boxes.append(tile.boxes_xyxy + np.array([x, y, x, y]))
        classes.append(tile.names)
    return Mosaic(picture, np.concatenate(boxes), np.concatenate(classes))


def _tile(
    samples: Path, image: dict[str, Any], annotations: list[Any], names: dict[int, str], shrink: int
) -> Mosaic:
    picture = read_picture(samples / image["file_name"])
    size = (image["width"] // shrink, image["height"] // shrink)
    own = [item for item in annotations if item["image_id"] == image["id"]]
    boxes = np.array([item["bbox"] for item in own], np.float64).reshape(-1, 4) / shrink
    boxes[:, 2:] += boxes[:, :2]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return Mosaic(np.asarray(small, np.uint8), boxes, np.array([names[item["category_id"]] for item in own]))


def _mirrored(tile: Mosaic) -> Mosaic:
    width = tile.picture.shape[1]
    boxes = tile.boxes_xyxy.copy()
    boxes[:, [0, 2]] = width - tile.boxes_xyxy[:, [2, 0]]
    return Mosaic(tile.picture[:, ::-1], boxes, tile.names)


def figures_of(
    mosaic: Mosaic, found: Detections, names: NDArray[np.str_], shown_by: NDArray[np.int64]
) -> Figures:
    """Compare what was found with what there is; each box stands for the object that it fits best.

    Args:
        mosaic: What there is.
        found: What was found.
        names: `(M,)` str, the classes of what was found.
        shown_by: `(M,)` int64, the slice that shows each.
    """
    overlap = _iou(found.boxes_xyxy.astype(np.float64), mosaic.boxes_xyxy)
    overlap[names[:, None] != mosaic.names] = 0
    if not overlap.size:
        return Figures(0.0, 0, 0, len(found))
    best = overlap.argmax(axis=1)
    fits = overlap.max(axis=1) >= _FOUND
    is_hit = np.zeros(len(mosaic.names), np.bool_)
    is_hit[best[fits]] = True
    hits = np.unique(np.stack([best[fits], shown_by[fits]], axis=1), axis=0, return_counts=True)
    doubles = int((hits[1] - 1).sum())
    border_doubles = len(hits[0]) - int(is_hit.sum())
    return Figures(float(is_hit[mosaic.are_small].mean()), doubles, border_doubles, len(found))


def _iou(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.maximum(one[:, None, :2], other[:, :2]), np.minimum(one[:, None, 2:], other[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (one, other)]
    ious: NDArray[np.float64] = common / (areas[0][:, None] + areas[1] - common)
    return ious


def look(mosaic: Mosaic, checkpoint: Path, config: DetectionConfig) -> Figures:
    """What a detector finds in a mosaic."""
    detector = Sliced(YoloDetector(checkpoint, choose_device()), config)
    if config.slices is None:
        (found,) = detector([mosaic.picture])
        shown_by = np.zeros(len(found), np.int64)
    else:
        found, shown_by = detector.look(mosaic.picture)
    names = np.array([detector.categories[class_id] for class_id in found.class_ids.tolist()], np.str_)
    return figures_of(mosaic, found, names, shown_by)


def main() -> None:
    """Say what is found in the mosaic as a whole, and in slices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yolo_checkpoint", type=Path, default=Path("model/demo_yolo.pt"))
    parser.add_argument("--slices", default="auto")
    parser.add_argument("--imgsz", type=int, default=640)
    parser.add_argument("--picture", type=Path, help="save the mosaic here")
    args = parser.parse_args()
    mosaic = make_mosaic()
    if args.picture:
        cv2.imwrite(str(args.picture), mosaic.picture)
    print(f"{len(mosaic.names)} objects, {int(mosaic.are_small.sum())} under {SMALL} pixels")
    for slices in (None, args.slices):
        config = DetectionConfig(imgsz=args.imgsz, max_det=10_000, slices=slices)
        figures = look(mosaic, args.yolo_checkpoint, config)
        print(
            f"{slices or 'whole':8} {figures.boxes} boxes, recall of small objects {figures.recall:.3f},"
            f" {figures.doubles} doubles in a slice, {figures.border_doubles} of two slices"
        )


if __name__ == "__main__":
    main()
