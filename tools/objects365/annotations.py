"""The publisher's JSON, 2 million pictures and 30 million boxes, spread to files that fit into memory.

The file is read as a stream, three times: pictures, boxes and categories, in whatever order it has them. A
picture and its boxes go to one of some files by the picture's id, so that later each can be sorted by itself;
a process never holds more than one of them, and 16 bytes for each picture's name and id.
"""

from __future__ import annotations

import contextlib
import json
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import numpy as np
from numpy.typing import NDArray

from sav.errors import SettingError
from sav.files import named_errors, whole_file
from tools.objects365.layout import name_key

# A box as it lies in a file.
ROW = np.dtype([("picture", "<i8"), ("category", "<i4"), ("flags", "u1"), ("xywh", "<f8", (4,))])
CROWD, FAKE, REFLECTED = 1, 2, 4
_NO_CATEGORY = 1 << 31
_FLAGS = {"iscrowd": CROWD, "isfake": FAKE, "isreflected": REFLECTED}
# Bytes of JSON for each file, so that one, sorted, has some tens of megabytes; and the most files.
_JSON_PER_BUCKET, _MOST_BUCKETS = 1 << 26, 128
# Rows that are gathered before they are written.
_ROWS = 4096
_PLAN = "plan.json"


@dataclass(frozen=True)
class Spread:
    """A JSON file that is spread.

    Attributes:
        folder: Where the files are.
        count: How many there are of each kind.
        twice: Ids of pictures whose name an earlier one has, or that several have.
    """

    folder: Path
    count: int
    twice: frozenset[int]

    def pictures(self, bucket: int) -> Iterator[tuple[int, str, int, int]]:
        """Pictures in a file: id, name, width, height."""
        with _pictures_file(self.folder, bucket).open(encoding="utf-8") as file:
            for line in file:
                number, name, width, height = json.loads(line)
                yield number, name, width, height

    def boxes(self, bucket: int) -> NDArray[Any]:
        """`(N,)` of `ROW`, the boxes of a file, sorted by picture."""
        rows = np.fromfile(_boxes_file(self.folder, bucket), ROW)
        return rows[np.argsort(rows["picture"], kind="stable")]

    def box_count(self, bucket: int) -> int:
        """How many boxes are in a file."""
        return _boxes_file(self.folder, bucket).stat().st_size // ROW.itemsize


def read_categories(source: Path) -> list[Mapping[str, Any]]:
    """The categories of a JSON file.

    Raises:
        SettingError: It is no such file, or it breaks off.
    """
    return list(_items(source, "categories"))


def spread(source: Path, folder: Path) -> Spread:
    """Spread a JSON file over files in `folder`; if that was done before with the same, nothing is done.

    Raises:
        SettingError: It is no such file, or it breaks off.
        WriteError: The files cannot be written.
    """
    status = source.stat()
    identity = [source.name, status.st_size, status.st_mtime_ns]
    plan = _read_plan(folder)
    if plan.get("source") != identity:
        with named_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _PLAN).unlink(missing_ok=True)
            for old in folder.glob("*-[0-9]*.*"):
                old.unlink()
            count = min(_MOST_BUCKETS, 1 + status.st_size // _JSON_PER_BUCKET)
            twice = _spread_pictures(source, folder, count)
            _spread_boxes(source, folder, count)
        plan = {"source": identity, "count": count, "twice": twice}
        with whole_file(folder / _PLAN) as partial:
            partial.write_text(json.dumps(plan), encoding="utf-8")
    return Spread(folder, plan["count"], frozenset(plan["twice"]))


def _read_plan(folder: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        plan: dict[str, Any] = json.loads((folder / _PLAN).read_text(encoding="utf-8"))
        return plan
    return {}


def _spread_pictures(source: Path, folder: Path, count: int) -> list[int]:
    """Write the pictures; gives the ids of those that are listed twice."""
    keys, ids = array("Q"), array("q")
    with contextlib.ExitStack() as stack:
        files = [
            stack.enter_context(_pictures_file(folder, bucket).open("w", encoding="utf-8"))
            for bucket in range(count)
        ]
        for image in _items(source, "images"):
            number, name, *size = _picture(image, source)
            files[number % count].write(json.dumps([number, name, *size]) + "\n")
            keys.append(name_key(name.rpartition("/")[2]))
            ids.append(number)
    return _repeated(np.array(keys, np.uint64), np.array(ids, np.int64))


def _repeated(keys: NDArray[np.uint64], ids: NDArray[np.int64]) -> list[int]:
    """Ids of pictures whose name an earlier one has, or whose id another, so that boxes may be of either."""
    firsts = np.unique(keys, return_index=True)[1]
    later = np.delete(ids, firsts)
    numbers, counts = np.unique(ids, return_counts=True)
    return np.union1d(later, numbers[counts > 1]).tolist()


def _picture(image: Mapping[str, Any], source: Path) -> tuple[int, str, int, int]:
    try:
        return int(image["id"]), str(image["file_name"]), int(image["width"]), int(image["height"])
    except (KeyError, TypeError, ValueError):
        raise SettingError(f"{source} has an image without id, file_name, width or height: {image}") from None


def _spread_boxes(source: Path, folder: Path, count: int) -> None:
    waiting: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]
    with contextlib.ExitStack() as stack:
        files: list[BinaryIO] = [
            stack.enter_context(_boxes_file(folder, bucket).open("wb")) for bucket in range(count)
        ]
        for annotation in _items(source, "annotations"):
            row = _row(annotation)
            rows = waiting[row[0] % count]
            rows.append(row)
            if len(rows) == _ROWS:
                files[row[0] % count].write(np.array(rows, ROW).tobytes())
                rows.clear()
        for file, rows in zip(files, waiting, strict=True):
            file.write(np.array(rows, ROW).tobytes())


def _row(annotation: Mapping[str, Any]) -> tuple[Any, ...]:
    """A box as a row; what is no box gets one without size, which is counted later."""
    flags = sum(flag for name, flag in _FLAGS.items() if annotation.get(name))
    picture, category = (annotation.get(name) for name in ("image_id", "category_id"))
    try:
        x, y, width, height = map(float, annotation["bbox"])
    except (KeyError, TypeError, ValueError):
        x = y = width = height = 0.0
    return (
        picture if isinstance(picture, int) else -1,
        category if isinstance(category, int) and 0 < category < _NO_CATEGORY else 0,
        flags,
        (x, y, width, height),
    )


def _items(source: Path, name: str) -> Iterable[Mapping[str, Any]]:
    """The members of one of the lists of a JSON file, as they are read."""
    try:
        with source.open("rb") as file:
            for item in ijson.items(file, f"{name}.item", use_float=True):
                if not isinstance(item, dict):
                    raise SettingError(f"{source} has among its {name} what is none: {str(item)[:60]}")
                yield item
    except ijson.JSONError as error:
        reason = str(error).partition("\n")[0].strip()[:120]
        raise SettingError(f"{source} is no whole JSON file ({reason}); get it again") from None


def _pictures_file(folder: Path, bucket: int) -> Path:
    return folder / f"pictures-{bucket:03d}.jsonl"


def _boxes_file(folder: Path, bucket: int) -> Path:
    return folder / f"boxes-{bucket:03d}.bin"
