"""Open a checkpoint of any kind: what it holds as plain values, and its tensors when they are asked for."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sav.errors import CheckpointError
from sav.weights import pickled
from sav.weights.archive import Archive
from sav.weights.legacy import LegacyStorages, read_legacy
from sav.weights.made import Made

if TYPE_CHECKING:
    from torch import Tensor

    from sav.weights.tensors import Storages, TensorReader

# Tied weights claim the same bytes twice, and some files hold a model twice.
_MOST_CLAIMED = 4
_ZIP, _PICKLE = b"PK", b"\x80"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        tree: Its values: Python's own containers and constants, and a `Made` for each object and tensor.
        tensor: Gives the tensor that one of the tree's values stands for, on the CPU; a ValueError says what
            is wrong with it. Several threads may ask at once.
    """

    tree: Any
    tensor: Callable[[Any], Tensor]


@contextlib.contextmanager
def open_checkpoint(path: Path, takes_scripts: bool = False) -> Iterator[Checkpoint]:
    """Read the file's structure, running nothing in it; tensors can be had while it is open.

    The file is opened once, so that nobody can put another in its place in between.

    Args:
        path: The file.
        takes_scripts: Whether TorchScript exports are read, too: their attributes, not their code.

    Raises:
        CheckpointError: If it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        try:
            checkpoint = _read(path, stack.enter_context(path.open("rb")), takes_scripts)
        except (ValueError, OSError, EOFError, RecursionError, MemoryError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CheckpointError(f"{path} {reason[:300]}") from error
        yield checkpoint


def _read(path: Path, file: BinaryIO, takes_scripts: bool) -> Checkpoint:
    start, size = file.read(9), os.fstat(file.fileno()).st_size
    file.seek(0)
    if start.startswith(_ZIP):
        return _read_archive(file, size, takes_scripts)
    if start.startswith(_PICKLE):
        tree, storages = read_legacy(file)
        return Checkpoint(tree, _lazy_reader(storages, size))
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") < size:
        return _read_safetensors(path)
    raise ValueError("is not a PyTorch checkpoint; it is something else, or damaged: get it again")


def _read_archive(file: BinaryIO, size: int, takes_scripts: bool) -> Checkpoint:
    """What torch.save has written since PyTorch 1.6: a zip archive of a pickle and the storages."""
    archive = Archive(file)
    pickles = [name for name in archive.names if name.rpartition("/")[2] == "data.pkl"]
    if not pickles:
        raise ValueError("is an archive, but not of a PyTorch checkpoint")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in archive and not takes_scripts:
        raise ValueError("is a TorchScript export, which is code; take the checkpoint that it was made from")
    if f"{folder}byteorder" in archive and archive.read(f"{folder}byteorder") != sys.byteorder.encode():
        raise ValueError("has its numbers' bytes in the other order; save it again on a machine like this")
    tree = pickled.load(io.BytesIO(archive.read(pickles[0])))
    return Checkpoint(tree, _lazy_reader(_Members(archive, folder), size))


@dataclass(frozen=True)
class _Members:
    """The storages of an archive."""

    archive: Archive
    folder: str

    def size(self, key: str) -> int:
        return self.archive.size(f"{self.folder}data/{key}")

    def read_into(self, key: str, target: memoryview) -> None:
        self.archive.read_into(f"{self.folder}data/{key}", target)


def _lazy_reader(storages: Storages | LegacyStorages, size: int) -> Callable[[Made], Tensor]:
    """Makes tensors; torch is imported when the first is asked for."""

    @cache
    def reader() -> TensorReader:
        from sav.weights.tensors import TensorReader

        return TensorReader(storages, _MOST_CLAIMED * size + 2**20)

    lock = threading.Lock()

    def tensor(value: Made) -> Tensor:
        with lock:
            found = reader()
        return found.tensor(value)

    return tensor


def _read_safetensors(path: Path) -> Checkpoint:
    """A file of tensors only, by name (https://huggingface.co/docs/safetensors)."""
    from safetensors import SafetensorError, safe_open

    try:
        file = safe_open(str(path), framework="pt", device="cpu")
        names = list(file.keys())
    except SafetensorError as error:
        raise ValueError(f"is a damaged .safetensors file ({error})") from error

    def tensor(value: Made) -> Tensor:
        try:
            return file.get_tensor(value.args[0])
        except SafetensorError as error:
            raise ValueError(f"cannot be read ({error})") from error

    return Checkpoint({name: Made("safetensors", (name,)) for name in names}, tensor)
