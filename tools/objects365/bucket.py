"""The pictures of one bucket, brought one after the other; many processes can do that at once."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.files import whole_file
from tools.objects365.annotations import CROWD, FAKE, REFLECTED, Spread
from tools.objects365.layout import Index
from tools.objects365.names import COUNT
from tools.training.boxes import Boxes
from tools.training.placing import LISTED_TWICE, Picture, Place, Placed

# In reports: boxes that stay, but are not of real things; and such as nothing can be made of.
_KINDS = {FAKE: "boxes of fake objects, kept", REFLECTED: "boxes of reflections, kept"}
_NO_CLASS, _NO_PICTURE = "boxes of no class", "boxes of no picture"


@dataclass(frozen=True, eq=False)
class Part:
    """What became of the pictures of one bucket.

    Attributes:
        placed: By what the publisher calls them; with their boxes only if those are still needed.
        counts: How many boxes there are, crowds apart, and what else belongs to no picture.
    """

    placed: dict[str, Placed] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class Bringer:
    """Brings the pictures of a bucket.

    Attributes:
        spread: The annotations.
        index: Where the pictures are.
        called: Under which name of ours a folder is linked.
        place: Where they go.
        keeps_boxes: Whether the boxes are needed afterwards.
    """

    spread: Spread
    index: Index
    called: dict[Path, str]
    place: Place
    keeps_boxes: bool

    def __call__(self, bucket: int) -> Part:
        """Bring those of one bucket; what was sound before and is unchanged is not decoded again."""
        path = self.spread.folder / f"part-{bucket:03d}.json"
        known, part, claimed = _known(path), Part(), 0
        for number, picture, rows in self._pictures(bucket):
            claimed += len(rows)
            if number in self.spread.twice:
                part.placed[f"{picture.told} (id {number})"] = Placed(defects={LISTED_TWICE: 1})
                continue
            placed = _with_kinds(self.place.put(picture, known.get(picture.told, ())), rows)
            part.counts["boxes"] += int((~placed.boxes.are_crowds).sum())
            part.placed[picture.told] = placed if self.keeps_boxes else replace(placed, boxes=Boxes.none())
        part.counts[_NO_PICTURE] = self.spread.box_count(bucket) - claimed
        _remember(path, part)
        return part

    def _pictures(self, bucket: int) -> Iterator[tuple[int, Picture, NDArray[Any]]]:
        """The pictures of a bucket, each with its id and its boxes as they were read."""
        listed, rows = list(self.spread.pictures(bucket)), self.spread.boxes(bucket)
        numbers = [number for number, *_ in listed]
        starts = np.searchsorted(rows["picture"], numbers)
        ends = np.searchsorted(rows["picture"], numbers, side="right")
        folders = self.index.find([name.rpartition("/")[2] for _, name, _, _ in listed])
        for (number, name, width, height), folder, start, end in zip(
            listed, folders, starts, ends, strict=True
        ):
            own = rows[start:end]
            path = folder / name.rpartition("/")[2] if folder else None
            called = self.called[folder] if folder else ""
            yield number, Picture(name, path, called, (width, height), _boxes(own)), own


def _boxes(rows: NDArray[Any]) -> Boxes:
    """The boxes of classes that there are."""
    are_named = _are_named(rows)
    boxes = Boxes.from_xywh(rows["xywh"], rows["category"].astype(np.int64) - 1, rows["flags"] & CROWD != 0)
    return boxes[are_named]


def _are_named(rows: NDArray[Any]) -> NDArray[np.bool_]:
    are_named: NDArray[np.bool_] = (rows["category"] >= 1) & (rows["category"] <= COUNT)
    return are_named


def _with_kinds(placed: Placed, rows: NDArray[Any]) -> Placed:
    """The same with what is counted of boxes besides their defects."""
    kinds = {what: int((rows["flags"] & flag != 0).sum()) for flag, what in _KINDS.items() if placed.name}
    kinds[_NO_CLASS] = int((~_are_named(rows)).sum())
    return replace(
        placed, defects={**placed.defects, **{what: number for what, number in kinds.items() if number}}
    )


def _known(path: Path) -> dict[str, tuple[int, ...]]:
    """The stamps of pictures that were sound when they were looked at."""
    with contextlib.suppress(OSError, ValueError):
        stamps = json.loads(path.read_text(encoding="utf-8"))
        return {name: tuple(stamp) for name, stamp in stamps.items()}
    return {}


def _remember(path: Path, part: Part) -> None:
    stamps = {name: placed.stamp for name, placed in part.placed.items() if placed.name}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(stamps), encoding="utf-8")
