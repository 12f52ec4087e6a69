"""A small data set in the very form of Objects365 v2, with all the defects that the real one may have.

The pictures are made up: each class is a colour with a pattern of its own, so that a detector can learn some.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.objects365.names import COUNT, package_names

# How the publisher spells some of the names.
_SPELT = {
    "Monitor/TV": "Moniter/TV",
    "Basket": "Bakset",
    "Balloon": "Ballon",
    "Dining Table": "Dinning Table",
    "Wild Bird": "Wild Bird ",
    "Cabinet/shelf": "Cabinet / shelf",
}
_SIZE = (160, 120)
# Pictures of a split by version and patch, as the publisher numbers them.
_PATCHES = {"train": (("v1", 0), ("v1", 15), ("v2", 16), ("v2", 50)), "val": (("v1", 0), ("v2", 43))}
_FIRST_ID = {"train": 900_000, "val": 100_000}


def make(data: Path, pictures: int = 48, seed: int = 0) -> None:
    """Make a data set in `data`: `pictures` for training, half as many for validation, some with defects."""
    names = [_SPELT.get(name, name) for name in package_names()]
    categories = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    random = np.random.default_rng(seed)
    for split, count in (("train", pictures), ("val", max(1, pictures // 2))):
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for place in range(count):
            _add(data, split, place, random, images, annotations)
        if split == "train":
            _spoil(data, images, annotations)
        content = {"images": images, "annotations": annotations, "categories": categories, "licenses": []}
        path = data / split / f"zhiyuan_objv2_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


def _add(
    data: Path,
    split: str,
    place: int,
    random: np.random.Generator,
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
) -> None:
    version, patch = _PATCHES[split][place % len(_PATCHES[split])]
    number = _FIRST_ID[split] + 37 * place
    name = f"objects365_{version}_{number:08d}.jpg"
    path = data / split / f"patch{patch}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = random.integers(60, 90, (_SIZE[1], _SIZE[0], 3)).astype(np.uint8)
    for _ in range(int(random.integers(3, 7))):
        # Few classes are in most pictures, as in the real set; in turn, every class is in some.
        category = int(random.integers(1, 6)) if random.random() < 0.6 else len(annotations) % COUNT + 1
        width, height = (int(side) for side in random.integers(24, 60, 2))
        x, y = int(random.integers(0, _SIZE[0] - width)), int(random.integers(0, _SIZE[1] - height))
        picture[y : y + height, x : x + width] = _look(category, width, height)
        annotations.append(_annotation(annotations, number, category, (x, y, width, height)))
    cv2.imwrite(str(path), picture)
    told = f"images/{version}/patch{patch}/{name}"
    images.append(
        {"height": _SIZE[1], "id": number, "license": 5, "width": _SIZE[0], "file_name": told, "url": ""}
    )


def _annotation(
    so_far: Sequence[Any], image: int, category: int, box: Sequence[float], **flags: int
) -> dict[str, Any]:
    said = {"iscrowd": 0, "isfake": 0, "isreflected": 0, **flags}
    area = float(box[2] * box[3])
    return {
        "id": len(so_far),
        "image_id": image,
        "category_id": category,
        "bbox": list(box),
        "area": area,
        **said,
    }


def _look(category: int, width: int, height: int) -> NDArray[np.uint8]:
    """A box filled with the colour and the stripes of a class."""
    colour = np.array([category * 67 % 256, category * 151 % 256, category * 29 % 256])
    stripes = (np.add.outer(np.arange(height), np.arange(width) * (category % 3)) // 4 % 2)[..., None]
    return np.where(stripes == 1, colour, 255 - colour).astype(np.uint8)


def _spoil(data: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]) -> None:
    """Give some of the pictures each a defect, and add such as are nowhere."""
    paths = [next(data.rglob(Path(image["file_name"]).name)) for image in images[:8]]
    paths[0].unlink()
    paths[1].write_bytes(b"")
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[: len(whole) // 2])
    paths[3].write_bytes(paths[3].read_bytes() + b"\0\0")
    paths[4].write_bytes(b"no picture at all")
    images[5]["width"] *= 3
    first = next(box for box in annotations if box["image_id"] == images[6]["id"])
    numbers = [image["id"] for image in images]
    extra: list[tuple[int, int, Sequence[float], dict[str, int]]] = [
        (numbers[6], first["category_id"], first["bbox"], {}),  # a duplicate
        (numbers[6], 3, (10, 10, 0, 20), {}),  # without size
        (numbers[6], 3, (140, 100, 60, 60), {}),  # over the edge
        (numbers[6], 3, (500, 500, 60, 60), {}),  # outside
        (numbers[6], 4, (0, 0, 100, 100), {"iscrowd": 1}),
        (numbers[6], 5, (20, 20, 40, 40), {"isfake": 1}),
        (numbers[6], 5, (60, 20, 40, 40), {"isreflected": 1}),
        (numbers[6], 400, (60, 20, 40, 40), {}),  # of no class
        (12_345, 3, (10, 10, 20, 20), {}),  # of no picture
    ]
    for image, category, box, flags in extra:
        annotations.append(_annotation(annotations, image, category, box, **flags))
    annotations.append({"id": len(annotations), "image_id": numbers[6], "category_id": 3})  # no box
    images.append({**images[7], "id": 999_999})  # the name of another
    only_crowd = {**images[8], "id": 999_998, "file_name": "images/v2/patch50/objects365_v2_00999998.jpg"}
    images.append(only_crowd)
    (data / "train" / "patch50" / Path(only_crowd["file_name"]).name).write_bytes(whole)
    annotations.append(_annotation(annotations, 999_998, 3, (0, 0, 100, 100), iscrowd=1))


def main() -> None:
    """Makes the data set."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.objects365.stand_in", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("folder", type=Path, help="where it goes")
    parser.add_argument("--pictures", type=int, default=48, help="of the training set (default: 48)")
    args = parser.parse_args()
    make(args.folder, args.pictures)


if __name__ == "__main__":
    main()
