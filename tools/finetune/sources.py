"""One's own data, whichever of the usual forms it has: COCO's JSON, or YOLO's labels beside pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sav.errors import SettingError
from tools.training.boxes import Boxes

# Names that folders and files of validation data have.
TRAIN_NAMES, VAL_NAMES = ("train", "training"), ("val", "valid", "validation")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with what is known of it.

    Attributes:
        told: What the data call it.
        path: Where it lies; None if it was not found.
        size_wh: Its width and height; None if the data do not say.
        boxes: Its boxes, in pixels.
    """

    told: str
    path: Path | None
    size_wh: tuple[int, int] | None
    boxes: Boxes


@dataclass(frozen=True, eq=False)
class Source:
    """A data set.

    Attributes:
        names: Its classes.
        train: Pictures to learn from.
        val: Pictures to measure on; empty if the data do not say which.
        notes: What to tell of it.
    """

    names: tuple[str, ...]
    train: list[Sample]
    val: list[Sample]
    notes: tuple[str, ...] = ()


def read(data: Path, images: Path | None = None, val: Path | None = None) -> Source:
    """Read a data set.

    Args:
        data: A COCO JSON file, a `data.yaml` of ultralytics' form, or a folder with either, or with `images`,
            `labels` and `classes.txt`.
        images: Where the pictures of a COCO file are, if not beside it.
        val: A COCO JSON file with pictures to measure on.

    Raises:
        SettingError: It is none of these, or a file is not as it must be.
    """
    from tools.finetune import coco, yolo

    if not data.exists():
        raise SettingError(f"there is no {data}; name a COCO JSON file, a data.yaml, or a folder with one")
    if data.is_file() and data.suffix.lower() == ".json":
        return _with_val(coco.read(data, images), val, images)
    if data.is_file() and data.suffix.lower() in (".yaml", ".yml"):
        return yolo.read_described(data)
    if data.is_dir():
        found = coco.find(data)
        if found:
            train, held = found
            return _with_val(coco.read(train, images), val or held, images)
        return yolo.read_folder(data)
    raise SettingError(f"{data} is neither COCO's JSON nor a data.yaml, nor a folder with one")


def _with_val(source: Source, val: Path | None, images: Path | None) -> Source:
    from tools.finetune import coco

    if val is None:
        return source
    other = coco.read(val, images, source.names)
    return replace(source, val=other.train)
