"""Files to compare, of rectangles whose overlaps are easily worked out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

SIZE_HW = (20, 40)
CLASSES = ("person", "dog", "unlabelled")


def rectangle(x0: int, y0: int, x1: int, y1: int) -> dict:
    """The mask of a rectangle, edges exclusive on the right and below."""
    mask = np.zeros(SIZE_HW, np.uint8, order="F")
    mask[y0:y1, x0:x1] = 1
    rle = coco_mask.encode(mask)
    return {"size": list(SIZE_HW), "counts": rle["counts"].decode()}


def thing(name: str, *box: int, **more) -> dict:
    """An object of a class that fills its box."""
    x0, y0, x1, y1 = box
    return {"class": name, "bbox": [x0, y0, x1 - x0, y1 - y0], "segmentation": rectangle(*box), **more}


@pytest.fixture
def coco(tmp_path) -> Callable[..., Path]:
    """Write the objects of each picture, `{"a.jpg": [thing(...)]}`, as COCO instances JSON."""

    def write(pictures: dict[str, list[dict]], name: str = "coco.json", classes=CLASSES, **image) -> Path:
        ids = {name: number for number, name in enumerate(classes, start=3)}
        images = [
            {"id": i, "file_name": file, "height": SIZE_HW[0], "width": SIZE_HW[1], **image}
            for i, file in enumerate(pictures, start=5)
        ]
        annotations = [
            {"id": 0, "image_id": one["id"], **item, "category_id": ids[item["class"]]}
            for one, items in zip(images, pictures.values(), strict=True)
            for item in items
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        categories = [{"id": number, "name": name} for name, number in ids.items()]
        path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
        return path

    return write


@pytest.fixture
def mot(tmp_path) -> Callable[..., Path]:
    """Write rows as MOTChallenge text."""

    def write(rows: list[tuple], name: str = "mot.txt") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
        return path

    return write
