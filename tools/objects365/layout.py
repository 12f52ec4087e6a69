"""What of Objects365 lies where: the publisher's two JSON files, and pictures in whatever folders.

The publisher's archives are `zhiyuan_objv2_train.json` and `zhiyuan_objv2_val.json`, and patches of pictures;
people unpack them to `train/patch0`, `train/images/v1/patch0`, `images/v1/patch0` or, as ultralytics' script
does, all pictures of a split into `images/train`. A picture's own name is the same and unique everywhere, so
it is by that name that it is found.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sav.errors import SettingError

JSONS = {"train": "zhiyuan_objv2_train.json", "val": "zhiyuan_objv2_val.json"}
_SUFFIXES = (".jpg", ".jpeg")


def name_key(name: str) -> int:
    """64 bits of a picture's name, without its folder."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def find_json(data: Path, split: str) -> Path:
    """The publisher's JSON file of a split, anywhere in the folder.

    Raises:
        SettingError: It is not there.
    """
    if not data.is_dir():
        raise SettingError(f"there is no folder {data}; name the one that Objects365 was unpacked to")
    usual = [folder / JSONS[split] for folder in (data / split, data / "annotations", data)]
    found = [path for path in usual if path.is_file()] or sorted(data.rglob(JSONS[split]))
    if not found:
        raise SettingError(
            f"there is no {JSONS[split]} in {data}; unpack the publisher's annotations there"
            " (of the training set they come as zhiyuan_objv2_train.tar.gz)"
        )
    return found[0]


@dataclass(frozen=True, eq=False)
class Index:
    """Where N pictures lie, in 10 bytes a picture.

    Attributes:
        folders: All folders with pictures, sorted.
        keys: `(N,)` uint64, sorted `name_key`s.
        places: `(N,)` uint16, for each which folder.
    """

    folders: list[Path]
    keys: NDArray[np.uint64]
    places: NDArray[np.uint16]

    @classmethod
    def scan(cls, data: Path, leave_out: Path) -> Index:
        """Look through `data`, but not through `leave_out`; of two pictures of a name the first counts."""
        folders: list[Path] = []
        keys, places = [np.empty(0, np.uint64)], [np.empty(0, np.uint16)]
        for folder, names in _with_pictures(data, leave_out):
            keys.append(np.array([name_key(name) for name in names], np.uint64))
            places.append(np.full(len(names), len(folders), np.uint16))
            folders.append(folder)
        once, firsts = np.unique(np.concatenate(keys), return_index=True)
        return cls(folders, once, np.concatenate(places)[firsts])

    def find(self, names: list[str]) -> list[Path | None]:
        """The folders of pictures by their names; None for one that is nowhere."""
        wanted = np.array([name_key(name) for name in names], np.uint64)
        spots = np.searchsorted(self.keys, wanted)
        are_there = spots < len(self.keys)
        are_there[are_there] = self.keys[spots[are_there]] == wanted[are_there]
        return [
            self.folders[self.places[spot]] if is_there else None
            for spot, is_there in zip(spots.tolist(), are_there.tolist(), strict=True)
        ]


def _with_pictures(data: Path, leave_out: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders below `data` that have pictures, with the names of those."""
    seen: set[Path] = set()
    for folder, below, names in os.walk(data, followlinks=True):
        real = Path(folder).resolve()
        is_new = real not in seen and real != leave_out.resolve()
        seen.add(real)
        below[:] = sorted(name for name in below if is_new and not name.startswith("."))
        if not is_new:
            continue
        pictures = [name for name in names if name.lower().endswith(_SUFFIXES)]
        if pictures:
            yield Path(folder), pictures
