"""COCO instances JSON, read to be compared: objects by picture, masks as RLE.

Format: https://cocodataset.org/#format-data, with polygons and both kinds of RLE, and two keys of ours for
video: `frame_index` of an image (from 0) and `track_id` of an annotation.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import BoolArray, IntArray
from sav.errors import EvaluationError
from sav.evaluate.rle import checked_rle

_LISTS = ("images", "annotations", "categories")
# More than any picture has, and any video.
_LONGEST_SIDE, _MOST_FRAMES = 1 << 20, 10_000_000


@dataclass(frozen=True, eq=False)
class Objects:
    """The N objects of one picture.

    Attributes:
        size_hw: Height and width of the picture.
        frame_number: The frame of a video, from 1; the picture's place in the file where that does not say.
        class_names: `(N,)` str.
        track_ids: `(N,)` int64; -1 without one.
        boxes_xyxy: `(N, 4)` float64, pixels.
        rles: A compressed COCO RLE each; of size `size_hw`.
        ignored: `(N,)` bool, crowds (`iscrowd`) and what is marked `ignore`.
    """

    size_hw: tuple[int, int]
    frame_number: int
    class_names: NDArray[np.str_]
    track_ids: IntArray
    boxes_xyxy: NDArray[np.float64]
    rles: list[dict[str, Any]]
    ignored: BoolArray

    def chosen(self, which: BoolArray) -> Objects:
        """Those that `(N,)` bool flags pick."""
        return Objects(
            self.size_hw,
            self.frame_number,
            self.class_names[which],
            self.track_ids[which],
            self.boxes_xyxy[which],
            [self.rles[position] for position in which.nonzero()[0]],
            self.ignored[which],
        )

    def of_class(self, name: str) -> Objects:
        """Those of one class."""
        return self.chosen(self.class_names == name)


@dataclass(frozen=True, eq=False)
class CocoFile:
    """What a file says.

    Attributes:
        path: Where it lies.
        class_names: Those that the file's list of categories has.
        pictures: By name without folder and suffix.
    """

    path: Path
    class_names: frozenset[str]
    pictures: Mapping[str, Objects]

    @property
    def has_tracks(self) -> bool:
        """Whether any object has a track id."""
        return any((objects.track_ids >= 0).any() for objects in self.pictures.values())


def read_coco(path: Path) -> CocoFile:
    """Read a file.

    Raises:
        EvaluationError: If it is not COCO instances JSON; the message says what is wrong with it.
    """
    try:
        return _parse(path, json.loads(path.read_text(encoding="utf-8")))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise EvaluationError(f"{path} is not JSON: {error}") from None
    except KeyError as error:
        raise EvaluationError(f"{path} is not COCO instances JSON: an entry has no {error}") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise EvaluationError(f"{path} is not COCO instances JSON: {error}") from None


def _parse(path: Path, content: Any) -> CocoFile:
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in _LISTS):
        raise ValueError(f"it has no lists of {', '.join(_LISTS)}")
    categories = {int(item["id"]): str(item["name"]) for item in content["categories"]}
    by_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for item in content["annotations"]:
        by_image[item["image_id"]].append(item)

    pictures: dict[str, Objects] = {}
    images = sorted(content["images"], key=lambda image: int(image["id"]))
    for number, image in enumerate(images, start=1):
        name = _name(image)
        if name in pictures:
            raise ValueError(f"two pictures are called {name}; give them different names")
        pictures[name] = _objects(image, number, by_image.pop(image["id"], []), categories)
    if by_image:
        raise ValueError(f"there are annotations of image {min(by_image)}, but no such image")
    return CocoFile(path, frozenset(categories.values()), pictures)


def _name(image: Mapping[str, Any]) -> str:
    """The picture's name without folder and suffix; that of a frame is what our formats call it."""
    stem = Path(str(image["file_name"])).stem
    return f"{stem}_{int(image['frame_index']):06d}" if "frame_index" in image else stem


def _objects(
    image: Mapping[str, Any], number: int, items: list[dict[str, Any]], categories: Mapping[int, str]
) -> Objects:
    used = [item["category_id"] for item in items]
    if not set(used) <= set(categories):
        raise ValueError(
            f"there are objects of category {min(set(used) - set(categories))}, but no such category"
        )
    size_hw = int(image["height"]), int(image["width"])
    if (
        not 0 < min(size_hw) <= max(size_hw) <= _LONGEST_SIDE
        or not 0 <= int(image.get("frame_index", 0)) < _MOST_FRAMES
    ):
        raise ValueError(f"no picture is as image {image['id']} is said to be")
    boxes = np.array([item["bbox"] for item in items], np.float64).reshape(len(items), 4)
    boxes[:, 2:] += boxes[:, :2]
    return Objects(
        size_hw,
        int(image.get("frame_index", number - 1)) + 1,
        np.array([categories[class_id] for class_id in used], np.str_),
        np.array([item.get("track_id", -1) for item in items], np.int64),
        boxes,
        [_rle(item, size_hw) for item in items],
        np.array([bool(item.get("iscrowd") or item.get("ignore")) for item in items], np.bool_),
    )


def _rle(item: Mapping[str, Any], size_hw: tuple[int, int]) -> dict[str, Any]:
    try:
        return checked_rle(item["segmentation"], size_hw)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"the mask of annotation {item.get('id')} is none: {error}") from None
