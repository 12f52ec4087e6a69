"""Data in YOLO's form: https://docs.ultralytics.com/datasets/detect, described or in usual folders."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from sav.detectors.names import checked_names
from sav.errors import SettingError
from tools.finetune.sources import PICTURES, TRAIN_NAMES, VAL_NAMES, Sample, Source
from tools.training.boxes import Boxes
from tools.training.checking import UnfitPictureError, picture_size

_DESCRIPTIONS = ("data.yaml", "data.yml", "dataset.yaml")
_COLUMNS = 5


def read_described(path: Path) -> Source:
    """Read what a `data.yaml` describes.

    Raises:
        SettingError: It does not name classes and pictures, or a label file is not as it must be.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError) as error:
        raise SettingError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or "train" not in content or "names" not in content:
        raise SettingError(
            f"{path} must say where the pictures are (train:) and what the classes are (names:)"
        )
    try:
        names = tuple(checked_names(content["names"]).values())
    except ValueError as error:
        raise SettingError(f"{path} {error}") from None
    root = path.parent / str(content.get("path") or "")
    train = _samples(_pictures(root, path.parent, content["train"]), len(names))
    held = next((content[name] for name in VAL_NAMES if content.get(name)), None)
    val = (
        _samples(_pictures(root, path.parent, held), len(names)) if held and held != content["train"] else []
    )
    return Source(names, train, val)


def read_folder(folder: Path) -> Source:
    """Read a folder with a `data.yaml`, or with `images`, `labels` and `classes.txt`.

    Raises:
        SettingError: It is no such folder, or a label file is not as it must be.
    """
    for name in _DESCRIPTIONS:
        if (folder / name).is_file():
            return read_described(folder / name)
    listed = next(
        (path for path in (folder / "classes.txt", folder / "labels" / "classes.txt") if path.is_file()), None
    )
    if listed is None or not (folder / "images").is_dir():
        raise SettingError(
            f"{folder} has neither a COCO JSON file nor a data.yaml, nor images, labels and classes.txt;"
            " docs/finetune.md shows the forms"
        )
    lines = [line.strip() for line in listed.read_text(encoding="utf-8-sig").splitlines()]
    names = tuple(line for line in lines if line)
    splits = {
        split: next(
            (folder / "images" / name for name in names_of if (folder / "images" / name).is_dir()), None
        )
        for split, names_of in (("train", TRAIN_NAMES), ("val", VAL_NAMES))
    }
    train = splits["train"] or folder / "images"
    val = _samples(_below(splits["val"]), len(names)) if splits["val"] else []
    return Source(names, _samples(_below(train), len(names)), val)


def _pictures(root: Path, home: Path, told: Any) -> list[Path]:
    """The pictures of a split: of folders, of lists in text files, or of several of these."""
    found: list[Path] = []
    for one in told if isinstance(told, list) else [told]:
        spots = [root / str(one), home / str(one)]
        # Roboflow writes ../train/images where it means train/images.
        spots.append(home / str(one).removeprefix("../"))
        place = next((spot for spot in spots if spot.exists()), None)
        if place is None:
            raise SettingError(f"there is no {spots[0]}, where the description says that pictures are")
        found += _below(place) if place.is_dir() else _listed(place)
    return found


def _listed(path: Path) -> Iterable[Path]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [path.parent / line.strip() for line in lines if line.strip()]


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def _samples(pictures: Iterable[Path], class_count: int) -> list[Sample]:
    return [_sample(path, class_count) for path in dict.fromkeys(pictures)]


def _sample(path: Path, class_count: int) -> Sample:
    """A picture with the boxes in its label file; one without such a file shows nothing of the classes."""
    shares, classes = _read_labels(label_path(path), class_count)
    size = _size(path)
    sides = np.tile(np.asarray(size or (1, 1), float), 2)
    corners = np.concatenate([shares[:, :2] - shares[:, 2:] / 2, shares[:, 2:]], 1) * sides
    return Sample(str(path), path, size, Boxes.from_xywh(corners, classes))


def label_path(picture: Path) -> Path:
    """Where ultralytics looks for the labels of a picture: the last folder `images` becomes `labels`."""
    before, images, after = str(picture).rpartition(f"{os.sep}images{os.sep}")
    path = Path(f"{before}{os.sep}labels{os.sep}{after}") if images else picture
    return path.with_suffix(".txt")


def _read_labels(path: Path, class_count: int) -> tuple[NDArray[np.float64], list[int]]:
    """Boxes as shares `(N, 4)`, centre and size, and their classes; polygons become the boxes around them."""
    if not path.is_file():
        return np.empty((0, 4)), []
    shares, classes = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            raise SettingError(f"{path}, line {number}: '{line[:60]}' are no numbers") from None
        is_polygon = len(values) > 6 and len(values) % 2
        if (len(values) != _COLUMNS and not is_polygon) or values[0] != int(values[0]):
            raise SettingError(f"{path}, line {number}: '{line[:60]}' is neither a box nor a polygon")
        if not 0 <= values[0] < class_count:
            raise SettingError(
                f"{path}, line {number}: there is no class {words[0]}, only 0 to {class_count - 1}"
            )
        shares.append(_around(values[1:]) if is_polygon else values[1:])
        classes.append(int(values[0]))
    return np.array(shares).reshape(-1, 4), classes


def _around(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and size of the box around a polygon's corners."""
    points = polygon.reshape(-1, 2)
    least, most = points.min(0), points.max(0)
    return np.concatenate([(least + most) / 2, most - least])


def _size(path: Path) -> tuple[int, int] | None:
    """Width and height of a picture; None if it cannot be read, which is found and named later."""
    try:
        return picture_size(path)
    except UnfitPictureError:
        return None
