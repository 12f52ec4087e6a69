"""What stands for the objects of a pickle that nobody runs: names, calls that were not made, storages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

# Makers of tensors: dense ones, and sparse, quantized, nested ones, on no device, of subclasses.
_TENSOR_MAKERS = ("torch._utils._rebuild_", "torch._tensor._rebuild_", "safetensors")


class PickleError(ValueError):
    """A pickle that is damaged, or does what no checkpoint does."""


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names, by its module and name."""

    dotted: str


@dataclass(frozen=True)
class Storage:
    """Where a tensor's numbers lie: `count` elements of a kind such as `FloatStorage`, under `key`."""

    kind: str
    key: str
    count: int


@dataclass(eq=False)
class Made:
    """What calling `maker` with `args` would have made.

    Attributes:
        maker: Dotted name of the class or function.
        args: What it would have been called with.
        is_new: Whether only the class's `__new__` would have been called.
        state: What its `__setstate__` or its attributes would have been given.
    """

    maker: str
    args: tuple[Any, ...]
    is_new: bool = False
    state: Any = None
    items: list[Any] = field(default_factory=list)


def is_tensor(value: Any) -> bool:
    """Whether a value stands for a tensor of any kind."""
    return isinstance(value, Made) and value.maker.startswith(_TENSOR_MAKERS)
