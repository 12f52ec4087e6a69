"""Data in COCO's form: https://cocodataset.org/#format-data, as labelling programs export it, too."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sav.errors import SettingError
from tools.finetune.sources import TRAIN_NAMES, VAL_NAMES, Sample, Source
from tools.training.boxes import Boxes

# What Roboflow calls the file in each folder of an export.
_ROBOFLOW = "_annotations.coco.json"


def find(folder: Path) -> tuple[Path, Path | None] | None:
    """The JSON files of training and validation in a folder: COCO's own, an export's, or one alone."""
    by_split = {}
    for split, names in (("train", TRAIN_NAMES), ("val", VAL_NAMES)):
        spots = [folder / name / _ROBOFLOW for name in names]
        for name in names:
            spots += sorted((folder / "annotations").glob(f"instances_{name}*.json"))
            spots += [folder / "annotations" / f"{name}.json", folder / f"{name}.json"]
        by_split[split] = next((path for path in spots if path.is_file()), None)
    if by_split["train"]:
        return by_split["train"], by_split["val"]
    alone = sorted(folder.glob("*.json"))
    return (alone[0], None) if len(alone) == 1 else None


def read(path: Path, images: Path | None, names: Sequence[str] = ()) -> Source:
    """Read a file.

    Args:
        path: The JSON file.
        images: Where its pictures are; None for the usual places beside it.
        names: The classes, if another file says them already.

    Raises:
        SettingError: It is no such file, or has other classes.
    """
    content = _content(path)
    by_picture: defaultdict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        by_picture[annotation.get("image_id")].append(annotation)
    numbers, names, notes = _classes(path, content, names)
    places = _Places(path, images)
    samples = []
    for image in content["images"]:
        try:
            told, size = str(image["file_name"]), (int(image["width"]), int(image["height"]))
        except (KeyError, TypeError, ValueError):
            raise SettingError(f"{path} has an image without file_name, width or height: {image}") from None
        boxes = _boxes(by_picture[image.get("id")], numbers)
        samples.append(Sample(told, places.find(told), size, boxes))
    if not samples:
        raise SettingError(f"{path} lists no images")
    return Source(tuple(names), samples, [], notes)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{path} cannot be read as JSON: {error}") from None
    lists = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(name), list) for name in lists):
        raise SettingError(f"{path} is no COCO data set: it must have lists called {', '.join(lists)}")
    for name in lists:
        odd = next((one for one in content[name] if not isinstance(one, dict)), None)
        if odd is not None:
            raise SettingError(f"{path} has among its {name} what is none: {str(odd)[:60]}")
    return content


def _classes(
    path: Path, content: Mapping[str, Any], names: Sequence[str]
) -> tuple[dict[Any, int], Sequence[str], tuple[str, ...]]:
    """Numbers of classes by category id, the names by number, and what to tell of those left out."""
    used = Counter(annotation.get("category_id") for annotation in content["annotations"])
    try:
        told = {category["id"]: str(category["name"]).strip() for category in content["categories"]}
    except (KeyError, TypeError):
        raise SettingError(f"{path} has a category without id or name") from None
    if names:
        unknown = sorted({told[number] for number in told if used[number]} - set(names))
        if unknown:
            raise SettingError(f"{path} has classes that the training data have not: {', '.join(unknown)}")
        by_name = {name: number for number, name in enumerate(names)}
        return {number: by_name[name] for number, name in told.items() if name in by_name}, names, ()
    kept = [number for number in sorted(told) if used[number]]
    if not kept:
        raise SettingError(f"{path} has no annotations")
    unused = [told[number] for number in sorted(told) if not used[number]]
    notes = (f"left out, for nothing is of them: {', '.join(unused)}",) if unused else ()
    return {number: place for place, number in enumerate(kept)}, [told[number] for number in kept], notes


def _boxes(annotations: Sequence[Mapping[str, Any]], numbers: Mapping[Any, int]) -> Boxes:
    rows, classes, crowds = [], [], []
    for annotation in annotations:
        number = numbers.get(annotation.get("category_id"))
        if number is None:
            continue
        try:
            x, y, width, height = map(float, annotation["bbox"])
        except (KeyError, TypeError, ValueError):
            x = y = width = height = 0.0  # counted as a box without size
        rows.append((x, y, width, height))
        classes.append(number)
        crowds.append(bool(annotation.get("iscrowd")))
    return Boxes.from_xywh(rows, classes, crowds)


class _Places:
    """Finds pictures by their path as it is told, or by their name alone."""

    def __init__(self, path: Path, images: Path | None) -> None:
        """Look below `images`, or where pictures usually lie beside a JSON file."""
        if images is not None and not images.is_dir():
            raise SettingError(f"there is no folder {images}")
        home = path.parent
        split = path.stem.removeprefix("instances_")
        usual = [
            home,
            home / "images",
            home / split,
            home.parent,
            home.parent / "images",
            home.parent / split,
        ]
        self._roots = [images] if images else [folder for folder in usual if folder.is_dir()]

    def find(self, told: str) -> Path | None:
        """The picture; None if it is nowhere."""
        name = told.replace("\\", "/")
        tried = [root / one for root in self._roots for one in dict.fromkeys((name, name.rpartition("/")[2]))]
        return next((path for path in tried if path.is_file()), None)
