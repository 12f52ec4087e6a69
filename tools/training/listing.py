"""The files that tell ultralytics, and our own evaluation, what a data set is."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from sav.errors import ResultsError, SettingError
from sav.files import whole_file
from tools.training.boxes import Boxes

DESCRIPTION, TRUTH, DEFECTS, REPORT = "data.yaml", "val.npz", "defects.csv", "report.json"
TRAIN, VAL = "train", "val"


def write_description(work: Path, names: Sequence[str]) -> Path:
    """Write `data.yaml`: the lists of pictures and the classes; all lies below `work`, which may move."""
    content = {"train": "train.txt", "val": "val.txt", "names": dict(enumerate(names))}
    with whole_file(work / DESCRIPTION) as partial:
        partial.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return work / DESCRIPTION


def write_list(work: Path, split: str, names: Iterable[str]) -> None:
    """Write the list of a split's pictures, `FOLDER/FILE` below `images`; the same list stays."""
    text = "".join(f"./images/{name}\n" for name in names)
    path = work / f"{split}.txt"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_names(work: Path) -> list[str]:
    """The names of the classes.

    Raises:
        SettingError: The data set is not prepared.
    """
    try:
        with (work / DESCRIPTION).open(encoding="utf-8") as file:
            return list(yaml.safe_load(file)["names"].values())
    except FileNotFoundError:
        raise SettingError(f"there is no prepared data set in {work}; run prepare first") from None


@dataclass(frozen=True, eq=False)
class Truth:
    """The N true boxes of M pictures.

    Attributes:
        names: `(M,)` str, the pictures below `images`, in the order of their names.
        sizes_wh: `(M, 2)` int64, pixels.
        pictures: `(N,)` int64, which picture.
        boxes: The boxes, crowds among them.
    """

    names: NDArray[np.str_]
    sizes_wh: NDArray[np.int64]
    pictures: NDArray[np.int64]
    boxes: Boxes

    @classmethod
    def of(cls, pictures: Iterable[tuple[str, tuple[int, int], Boxes]]) -> Truth:
        """Of pictures: name, width and height, boxes."""
        rows = sorted(pictures, key=lambda row: row[0])
        counts = [len(boxes) for _, _, boxes in rows]
        return cls(
            np.array([name for name, _, _ in rows], np.str_),
            np.array([size for _, size, _ in rows], np.int64).reshape(-1, 2),
            np.repeat(np.arange(len(rows)), counts),
            Boxes(
                np.concatenate([np.empty((0, 4)), *(boxes.xyxy for _, _, boxes in rows)]),
                np.concatenate([np.empty(0, np.int64), *(boxes.class_ids for _, _, boxes in rows)]),
                np.concatenate([np.empty(0, bool), *(boxes.are_crowds for _, _, boxes in rows)]),
            ),
        )

    def save(self, work: Path) -> None:
        """Write it beside the lists."""
        arrays = {
            "names": self.names,
            "sizes_wh": self.sizes_wh,
            "pictures": self.pictures,
            **vars(self.boxes),
        }
        with whole_file(work / TRUTH) as partial:
            np.savez(partial, **arrays)

    @classmethod
    def load(cls, work: Path) -> Truth:
        """Read what `save` wrote.

        Raises:
            SettingError: The data set is not prepared.
        """
        try:
            with np.load(work / TRUTH, allow_pickle=False) as held:
                boxes = Boxes(held["xyxy"], held["class_ids"], held["are_crowds"])
                return cls(held["names"], held["sizes_wh"], held["pictures"], boxes)
        except FileNotFoundError:
            raise SettingError(f"there is no prepared data set in {work}; run prepare first") from None
        except (OSError, ValueError, KeyError) as error:
            raise ResultsError(f"{work / TRUTH} cannot be read ({error}); run prepare again") from error


def write_report(
    work: Path, counts: Mapping[str, Mapping[str, int]], defects: Iterable[tuple[str, str, str, int]]
) -> None:
    """Write `report.json`, the sums of each split, and `defects.csv`, each defect by picture."""
    with whole_file(work / REPORT) as partial:
        partial.write_text(json.dumps(counts, indent=1), encoding="utf-8")
    with whole_file(work / DEFECTS) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("split", "picture", "defect", "count"))
        writer.writerows(sorted(defects))


def summary(work: Path, counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """What to say of a prepared data set, in lines."""
    for split, sums in counts.items():
        defects = [f"{number} {what}" for what, number in sums.items() if what not in ("pictures", "boxes")]
        found = ", ".join(defects) or "no defects"
        yield f"{split}: {sums['pictures']} pictures, {sums.get('boxes', 0)} boxes; {found}"
    yield f"{work / DESCRIPTION} is ready; {work / DEFECTS} names each defect by picture"
