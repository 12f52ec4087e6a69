"""The tensors of whole modules in a checkpoint, named as in their state dict, out of the pickle's tree alone.

A pickled `torch.nn.Module` keeps parameters, buffers and other modules in tables of its own. A TorchScript
export is an archive as any other checkpoint, in which the pickle is of the module's attributes and the code
lies beside it (https://pytorch.org/docs/stable/jit.html); it is not looked at. It needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sav.weights.made import Made, is_tensor

_DEEPEST, _MOST_TENSORS = 32, 100_000

Members = Iterable[tuple[Any, Any]]


def module_tensors(module: Made) -> dict[str, Made]:
    """The parameters and buffers of a pickled `torch.nn.Module`.

    Raises:
        ValueError: There are more than any model has.
    """
    return _tensors(module, _of_module)


def attribute_tensors(root: Any) -> dict[str, Made]:
    """The tensors of a module and of all inside it.

    Args:
        root: The tree of a TorchScript export, or one of its values.

    Raises:
        ValueError: There are more than any model has.
    """
    return _tensors(root, _of_export)


def _of_module(state: dict[Any, Any]) -> Members:
    for kind in ("_parameters", "_buffers", "_modules"):
        members = state.get(kind)
        if isinstance(members, dict):
            yield from members.items()


def _of_export(state: dict[Any, Any]) -> Members:
    return state.items()


def _tensors(root: Any, members_of: Callable[[dict[Any, Any]], Members]) -> dict[str, Made]:
    table: dict[str, Made] = {}
    level = [("", root)]
    for _ in range(_DEEPEST):
        inner = []
        for prefix, made in level:
            if not (isinstance(made, Made) and isinstance(made.state, dict)):
                continue
            for name, value in members_of(made.state):
                if is_tensor(value):
                    table[f"{prefix}{name}"] = value
                elif isinstance(value, Made):
                    inner.append((f"{prefix}{name}.", value))
            if len(table) + len(inner) > _MOST_TENSORS:
                raise ValueError("it is a module without end")
        level = inner
    return table
