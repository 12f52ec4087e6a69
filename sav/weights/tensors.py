"""Tensors out of what a pickle says about them, checked before memory is taken."""

from __future__ import annotations

import math
import threading
from typing import Any, Protocol

import torch
from torch import Tensor

from sav.weights.made import Made, Storage

# More dimensions than any layer has.
_MOST_DIMENSIONS = 8
_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_REBUILD = "torch._utils._rebuild_tensor_v2"
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_FROM_TYPE = "torch._tensor._rebuild_from_type_v2"


class Storages(Protocol):
    """Where the numbers of a file's tensors are, by the keys of their storages."""

    def size(self, key: str) -> int:
        """Bytes of a storage; ValueError if there is none."""

    def read_into(self, key: str, target: memoryview) -> None:
        """Fill `target` with a storage's first bytes; ValueError if it is damaged."""


class TensorReader:
    """Makes tensors on the CPU, in any number of threads; those that share a storage share its memory."""

    def __init__(self, storages: Storages, limit: int) -> None:
        """`limit` is how many bytes all tensors together may claim."""
        self._storages = storages
        self._left = limit
        self._read: dict[str, Tensor] = {}
        self._lock = threading.Lock()

    def tensor(self, value: Made) -> Tensor:
        """The tensor that `value` stands for.

        Raises:
            ValueError: If it is of a kind that is not read, or its parts do not fit together.
        """
        for _ in range(2):  # parameters are wrapped, once by themselves and once as a subclass
            if value.maker in _PARAMETERS and value.args and isinstance(value.args[0], Made):
                value = value.args[0]
            elif value.maker == _FROM_TYPE and len(value.args) == 4:
                value = Made(getattr(value.args[0], "dotted", ""), value.args[2])
        if value.maker != _REBUILD or not 4 <= len(value.args) <= 7:
            kind = value.maker.rpartition("_rebuild_")[2]
            raise ValueError(f"is a tensor of a kind that is not taken ({kind[:40]})")
        return self._rebuilt(*value.args[:4])

    def _rebuilt(self, storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
        if not isinstance(storage, Storage) or storage.kind not in _DTYPES:
            kind = storage.kind.removesuffix("Storage") if isinstance(storage, Storage) else "no"
            raise ValueError(f"has numbers of a kind that is not taken ({kind[:40]})")
        _check_layout(storage.count, offset, size, stride)
        dtype = _DTYPES[storage.kind]
        numbers = self._numbers(storage.key, storage.count * dtype.itemsize)
        with self._lock:
            self._left -= math.prod(size) * dtype.itemsize
        if self._left < 0:
            raise ValueError("is one of many tensors on the same memory, which together have no end")
        return numbers.view(dtype).as_strided(size, stride, offset)

    def _numbers(self, key: str, size: int) -> Tensor:
        """The bytes of a storage, read once."""
        if key not in self._read:
            if self._storages.size(key) < size:
                raise ValueError("is longer than what the file holds of it")
            numbers = torch.empty(size, dtype=torch.uint8)
            self._storages.read_into(key, numbers.numpy().data)
            with self._lock:  # of two threads that have read it the first is believed
                self._read.setdefault(key, numbers)
        if self._read[key].numel() != size:
            raise ValueError("shares memory with a tensor of another size")
        return self._read[key]


def _check_layout(count: int, offset: Any, size: Any, stride: Any) -> None:
    """Hold a tensor's shape against the numbers that it has, before it is made.

    Raises:
        ValueError: If the shape is none, or asks for more than there is.
    """
    if not isinstance(size, tuple) or not isinstance(stride, tuple) or len(size) != len(stride):
        raise ValueError("has no shape")
    if len(size) > _MOST_DIMENSIONS:
        raise ValueError(f"has {len(size)} dimensions, more than {_MOST_DIMENSIONS}")
    if not all(type(number) is int and number >= 0 for number in (offset, *size, *stride)):
        raise ValueError("has a shape that is not of whole numbers")
    elements = math.prod(size)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if elements > count or (elements and last >= count):
        raise ValueError(f"claims {elements} numbers, or their place, where there are {count}")
