"""What torch.save wrote before PyTorch 1.6: pickles one after the other, then the storages. Free of torch."""

from __future__ import annotations

from typing import Any, BinaryIO

from sav.weights import pickled
from sav.weights.made import Storage
from sav.weights.places import Places

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_ELEMENT_BYTES = {
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "DoubleStorage": 8,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
}


def read_legacy(file: BinaryIO) -> tuple[Any, LegacyStorages]:
    """The tree of such a file, and where its storages are.

    Raises:
        ValueError: If it is another pickle, or damaged.
    """
    if pickled.load(file) != _MAGIC or pickled.load(file) != _VERSION:
        raise ValueError("is a pickle, but not a PyTorch checkpoint")
    system = pickled.load(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ValueError("has its numbers' bytes in the other order; save it again on a machine like this")
    tree, storages = pickled.load_with_storages(file)
    keys = pickled.load(file)
    return tree, LegacyStorages(file, storages, keys if isinstance(keys, list) else [])


class LegacyStorages:
    """The storages at the end of a file, in the order of its list of keys."""

    def __init__(self, file: BinaryIO, storages: dict[str, Storage], keys: list[Any]) -> None:
        """Note where each begins; `file` stands before the first."""
        self._reader = Places(file)
        self._places: dict[str, tuple[int, int]] = {}
        place = file.tell()
        for key in map(str, keys):
            storage = storages.get(key)
            if storage is None or storage.kind not in _ELEMENT_BYTES:
                break  # what comes after it cannot be found
            size = storage.count * _ELEMENT_BYTES[storage.kind]
            self._places[key] = (place + 8, size)
            place += 8 + size
        self._end = file.seek(0, 2)

    def size(self, key: str) -> int:
        """Bytes that the file holds of a storage."""
        place, size = self._places.get(key, (0, 0))
        return size if place + size <= self._end else 0

    def read_into(self, key: str, target: memoryview) -> None:
        """Fill `target` with a storage's first bytes.

        Raises:
            ValueError: If the file ends before them.
        """
        if not self._reader.read_into(self._places[key][0], target):
            raise ValueError("is incomplete; get it again")
