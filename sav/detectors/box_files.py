"""Boxes that somebody else's detector wrote: COCO's JSON, MOTChallenge text, or a folder of YOLO labels.

Formats: https://cocodataset.org/#format-results and #format-data, https://motchallenge.net/instructions,
https://docs.ultralytics.com/datasets/detect. Read without torch, so that mistakes are told at once.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import UNLABELLED, Detections
from sav.detectors.names import checked_names
from sav.errors import BoxesError

_log = logging.getLogger(__name__)

Rows = NDArray[np.float64]
# Columns of MOTChallenge text: without a score, and with a class in the eighth (ground truth of MOT16 to 20).
_LEAST_COLUMNS, _COLUMNS_WITH_CLASSES = 6, 9
# What lies beside a folder of YOLO labels and names the classes.
_NAME_LISTS = ("classes.txt", "obj.names")
_NAME_TABLES = ("data.yaml", "dataset.yaml")


@dataclass(frozen=True)
class BoxTable:
    """Boxes by the picture or frame that they are in.

    Attributes:
        categories: Every class, id to name.
        by_name: Of pictures that are known by their names, without folder and suffix.
        by_number: Of frames that are known by their numbers, from 1.
        are_shares: Whether boxes are shares of the picture's width and height, not pixels.
    """

    categories: Mapping[int, str]
    by_name: Mapping[str, Detections] = field(default_factory=dict)
    by_number: Mapping[int, Detections] = field(default_factory=dict)
    are_shares: bool = False


def read_boxes(path: Path) -> BoxTable:
    """Read boxes, in whichever of the three forms they are.

    Raises:
        OSError: There is no such file or folder, or it cannot be read.
        BoxesError: It is in none of these forms; the message says what is wrong.
    """
    if path.is_dir():
        return _read_yolo(path)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no {path}: name COCO's JSON, MOTChallenge text or a folder of labels"
        )
    read = _read_coco if path.suffix.lower() == ".json" else _read_mot
    try:
        return read(path.read_text(encoding="utf-8-sig"))
    except KeyError as error:
        raise BoxesError(f"{path} has no boxes that can be read: an entry has no {error}") from None
    except (ValueError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BoxesError(f"{path} has no boxes that can be read: {reason}") from None


def _read_coco(text: str) -> BoxTable:
    """A list of results, or a data set with its pictures and categories."""
    content = json.loads(text)
    if isinstance(content, list):
        return _coco_results(content)
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise ValueError("it is neither a list of results nor a data set with annotations")
    return _coco_data_set(content)


def _coco_results(results: Sequence[Mapping[str, Any]]) -> BoxTable:
    """Pictures are known by `file_name` or `image_id`, which is a name or a number."""
    by_name, by_number = defaultdict[str, list[Any]](list), defaultdict[int, list[Any]](list)
    for item in results:
        key = item.get("file_name", item["image_id"] if "file_name" not in item else None)
        (by_number[key] if isinstance(key, int) else by_name[Path(str(key)).stem]).append(item)
    used = sorted({int(item["category_id"]) for item in results})
    classes = {class_id: class_id for class_id in used}
    return BoxTable(
        {class_id: f"class {class_id}" for class_id in used} or {0: "object"},
        {name: _coco_detections(items, classes) for name, items in by_name.items()},
        {number: _coco_detections(items, classes) for number, items in by_number.items()},
    )


def _coco_data_set(content: Mapping[str, Any]) -> BoxTable:
    """Classes are numbered from 0 in the order of their ids; regions that we left without a name are none."""
    named = sorted((int(item["id"]), str(item["name"])) for item in content["categories"])
    kept = [(number, name) for number, name in named if name != UNLABELLED]
    classes = {number: place for place, (number, _) in enumerate(kept)}
    by_image = defaultdict[Any, list[Any]](list)
    for item in content["annotations"]:
        known = item["category_id"] in dict(named)
        if not known:
            raise ValueError(f"there are objects of category {item['category_id']}, but no such category")
        if item["category_id"] in classes and not item.get("iscrowd"):
            by_image[item["image_id"]].append(item)
    by_name = {_name(image): _coco_detections(by_image[image["id"]], classes) for image in content["images"]}
    return BoxTable(checked_names([name for _, name in kept]), by_name)


def _name(image: Mapping[str, Any]) -> str:
    """A picture's name without folder and suffix; of a frame in our own files, what our formats call it."""
    stem = Path(str(image["file_name"])).stem
    return f"{stem}_{int(image['frame_index']):06d}" if "frame_index" in image else stem


def _coco_detections(items: Sequence[Mapping[str, Any]], classes: Mapping[int, int]) -> Detections:
    boxes = np.array([item.get("detector_bbox", item["bbox"]) for item in items], np.float64).reshape(-1, 4)
    scores = np.array([item.get("score", 1.0) for item in items], np.float64)
    class_ids = np.array([classes[int(item["category_id"])] for item in items], np.int64)
    return _detections(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), scores, class_ids)


def _read_mot(text: str) -> BoxTable:
    """Lines `frame,id,left,top,width,height,score,...`."""
    rows = _numbers(text.splitlines(), ",")
    if rows.shape[1] < _LEAST_COLUMNS and len(rows):
        raise ValueError("MOTChallenge text has lines frame,id,left,top,width,height,score")
    scores = _shares(rows[:, 6]) if rows.shape[1] > _LEAST_COLUMNS else np.ones(len(rows))
    order = np.argsort(-scores, kind="stable")
    rows, scores = rows[order], scores[order]
    frames = rows[:, 0]
    if (frames < 1).any() or (frames % 1).any():
        raise ValueError("its first column is no number of a frame, which count from 1")

    has_classes = rows.shape[1] == _COLUMNS_WITH_CLASSES
    class_ids = rows[:, 7].astype(np.int64) if has_classes else np.zeros(len(rows), np.int64)
    boxes = np.hstack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]])
    found = _detections(boxes, scores, class_ids)
    names = {int(number): f"class {number}" for number in np.unique(class_ids)} if has_classes else {}
    numbers = np.unique(frames).astype(np.int64)
    by_number = {int(number): found[frames == number] for number in numbers}
    return BoxTable(names or {0: "object"}, by_number=by_number)


def _shares(scores: Rows) -> Rows:
    """Scores from 0 to 1; others, as some of MOTChallenge's detectors have them, are stretched to that."""
    if not len(scores) or (scores.min() >= 0 and scores.max() <= 1):
        return scores
    low, high = float(scores.min()), float(scores.max())
    _log.warning("scores go from %g to %g; they are stretched to 0 to 1, which --conf goes by", low, high)
    return (scores - low) / (high - low) if high > low else np.ones_like(scores)


def _read_yolo(folder: Path) -> BoxTable:
    """A file a picture with lines `class x y width height [score]`, or with a polygon after the class."""
    files = sorted(path for path in folder.glob("*.txt") if path.name not in _NAME_LISTS)
    if not files:
        inside = folder / "labels"
        hint = f": name {inside}" if inside.is_dir() else ""
        raise BoxesError(f"there is no label file (.txt) in {folder}{hint}")
    by_name = {}
    for path in files:
        try:
            by_name[path.stem] = _yolo_detections(path.read_text(encoding="utf-8-sig").splitlines())
        except (ValueError, OverflowError) as error:
            raise BoxesError(f"{path} is no YOLO label file: {' '.join(str(error).split())[:200]}") from None
    most = max((int(found.class_ids.max(initial=0)) for found in by_name.values()), default=0)
    names = _yolo_names(folder)
    if names is not None and most >= len(names):
        raise BoxesError(f"{folder} has boxes of class {most}, but names for {len(names)} classes alone")
    if names is None:
        names = {number: f"class {number}" for number in range(most + 1)}
    return BoxTable(names, by_name, are_shares=True)


def _yolo_detections(lines: Iterable[str]) -> Detections:
    rows = [np.array(line.split(), np.float64) for line in lines if line.strip()]
    boxes, scores, class_ids = [], [], []
    for row in rows:
        if len(row) in (5, 6):
            boxes.append([*(row[1:3] - row[3:5] / 2), *(row[1:3] + row[3:5] / 2)])
        elif len(row) >= 7:
            points = row[1 : 1 + (len(row) - 1) // 2 * 2].reshape(-1, 2)
            boxes.append([*points.min(axis=0), *points.max(axis=0)])
        else:
            raise ValueError("a line has class, x, y, width and height, or a class and a polygon")
        scores.append(row[5] if len(row) == 6 else 1.0)
        class_ids.append(row[0])
    if any(number < 0 or number % 1 for number in class_ids):
        raise ValueError("a line begins with no class id")
    return _detections(np.reshape(boxes, (-1, 4)), np.array(scores), np.array(class_ids))


def _yolo_names(folder: Path) -> dict[int, str] | None:
    """The classes that a list or a data set's YAML names, in the folder or beside it."""
    readers: list[tuple[Sequence[str], Callable[[str], Any]]] = [
        (_NAME_TABLES, _yaml_names),
        (_NAME_LISTS, lambda text: [line for line in text.splitlines() if line.strip()]),
    ]
    for place in (folder, folder.parent):
        for names, read in readers:
            for path in (place / name for name in names):
                if path.is_file():
                    try:
                        return checked_names(read(path.read_text(encoding="utf-8-sig")))
                    except ValueError as error:
                        raise BoxesError(f"{path} {error}") from None
    return None


def _yaml_names(text: str) -> Any:
    import yaml

    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"is no YAML ({' '.join(str(error).split())[:100]})") from None
    return table.get("names") if isinstance(table, dict) else None


def _numbers(lines: Sequence[str], delimiter: str) -> Rows:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        rows = np.loadtxt(lines, delimiter=delimiter, ndmin=2)
    return rows if rows.size else np.zeros((0, _LEAST_COLUMNS))


def _detections(boxes_xyxy: Rows, scores: Rows, class_ids: NDArray[Any]) -> Detections:
    """Checked, the surest first.

    Raises:
        ValueError: A number is none, or a score not from 0 to 1.
    """
    if not (np.isfinite(boxes_xyxy).all() and np.isfinite(scores).all()):
        raise ValueError("a box or score is infinite or no number")
    if len(scores) and (scores.min() < 0 or scores.max() > 1):
        raise ValueError("a score is not from 0 to 1")
    order = np.argsort(-scores, kind="stable")
    return Detections(
        boxes_xyxy[order].astype(np.float32),
        scores[order].astype(np.float32),
        class_ids[order].astype(np.int64),
    )
