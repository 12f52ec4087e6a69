"""Checkpoint files for tests: zip archives as torch.save writes them, with whatever inside."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Storage:
    """What a tensor's pickle refers to as its numbers."""

    def __init__(self, key: str, count: int, kind: Any) -> None:
        self.key, self.count, self.kind = key, count, kind


class Call:
    """Pickled as a call of `function`."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.args


def tensor(storage: Storage, size: Any, stride: Any, offset: Any = 0) -> Call:
    """Pickled as a tensor of any shape on a storage, whether it fits or not."""
    from torch._utils import _rebuild_tensor_v2

    return Call(_rebuild_tensor_v2, storage, offset, size, stride, False, {})


def write_archive(
    path: Path,
    tree: Any,
    members: Mapping[str, bytes] = {},
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """Write `tree` as torch.save does, with `members` as the storages by their keys."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if isinstance(value, Storage):
                return "storage", value.kind, value.key, "cpu", value.count
            return None

    file = io.BytesIO()
    Pickler(file, 2).dump(tree)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", file.getvalue())
        for name, content in members.items():
            archive.writestr(f"archive/data/{name}", content)
        archive.writestr("archive/version", b"3\n")
    return path
