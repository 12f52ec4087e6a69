"""ultralytics' modules out of a checkpoint whose pickle was not run: known classes with values, no code.

A whole `torch.nn.Module` is pickled as the name of its class and the table of its attributes. Here the class
must be one of torch's or ultralytics' layers, no constructor is called, and attributes are plain values,
tensors and further layers, never functions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sav.weights.made import Made, Name, is_tensor

# Module names under which layers are pickled, today and since 2023.
_HOMES = ("torch.nn.modules.", "ultralytics.nn.modules.", "ultralytics.nn.tasks.")
_RENAMED = {
    "ultralytics.nn.modules.block.Silence": "torch.nn.modules.linear.Identity",
    "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
}
# What training leaves in a model and finding does without: losses, settings, paths.
_LEFT_OUT = ("ultralytics.utils.", "ultralytics.yolo.", "pathlib.", "builtins.getattr")
# The text model of an open-vocabulary detector, which its embeddings were made with.
_TEXT_MODEL = "clip_model"
# A head remembers the grid of the last picture's size; it makes it anew.
_REMEMBERED = ("shape", "shapes", "anchors", "strides", "valid_mask")
_MOST_CALLS = 100_000


class ForeignError(ValueError):
    """A model with a class of its own, which cannot be loaded without running its code."""


def rebuild(model: Made, tensor: Callable[[Made], Tensor]) -> nn.Module:
    """The module that a pickled model stands for, in eval mode, without gradients.

    Args:
        model: What was pickled.
        tensor: Makes its tensors.

    Raises:
        ForeignError: If it has classes that are neither torch's nor ultralytics'.
        ValueError: If it is no module, or one that cannot be.
    """
    module = _Builder(tensor).build(model)
    if not isinstance(module, nn.Module):
        raise ValueError("holds no ultralytics model")
    _check_calls(module)
    return module.eval().requires_grad_(False)


def layer_class(dotted: str) -> type[nn.Module] | None:
    """The class of layers that a pickle calls `dotted`; None if it is none of torch's or ultralytics'."""
    home, _, name = _RENAMED.get(dotted, dotted).rpartition(".")
    found = getattr(sys.modules.get(home), name, None) if f"{home}.".startswith(_HOMES) else None
    if not isinstance(found, type) or not issubclass(found, nn.Module):
        return None
    return found if f"{found.__module__}.".startswith(_HOMES) else None


class _Builder:
    """Builds each object once, however often it is referred to."""

    def __init__(self, tensor: Callable[[Made], Tensor]) -> None:
        self._tensor = tensor
        self._built: dict[int, Any] = {}

    def build(self, value: Any) -> Any:
        if not isinstance(value, Made | Name | list | tuple | dict | set):
            return value
        if id(value) not in self._built:
            self._built[id(value)] = self._fresh(value)
        return self._built[id(value)]

    def _fresh(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.build(item) for key, item in value.items() if key != _TEXT_MODEL}
        if isinstance(value, list | tuple):
            return type(value)(map(self.build, value))
        if isinstance(value, set):
            return set(value)
        if isinstance(value, Name):
            return _dtype(value)
        if is_tensor(value):
            tensor = self._tensor(value)
            return nn.Parameter(tensor, requires_grad=False) if "parameter" in value.maker else tensor
        if value.maker == "torch.Size" and value.args and isinstance(value.args[0], tuple):
            return torch.Size(value.args[0])
        if value.maker == "torch.device":
            return torch.device("cpu")
        return self._module(value)

    def _module(self, made: Made) -> nn.Module:
        kind = layer_class(made.maker)
        if kind is None:
            raise ForeignError(f"holds Python code of its own ({made.maker[:80]})")
        if not made.is_new or made.args or not isinstance(made.state, dict):
            raise ValueError(f"is damaged: a layer of it is none ({made.maker[:80]})")
        module = kind.__new__(kind)
        self._built[id(made)] = module  # a layer may refer to itself
        nn.Module.__init__(module)
        module.__setstate__(self._attributes(kind, made))
        _check_members(module)
        for name, value in made.state.items():
            if name == "forward" and _is_bound(value, made):
                module.forward = getattr(module, value.args[1])  # type: ignore[method-assign]
        return module

    def _attributes(self, kind: type[nn.Module], made: Made) -> dict[str, Any]:
        """A layer's attributes, less hooks, and what only training needs."""
        attributes = {}
        for name, value in made.state.items():
            if not isinstance(name, str) or "hook" in name:
                continue
            if name in _REMEMBERED and hasattr(kind, name):
                continue
            if isinstance(value, Made) and value.maker.startswith(_LEFT_OUT):
                continue
            attributes[name] = self.build(value)
        return attributes


def _dtype(name: Name) -> torch.dtype:
    dtype = getattr(torch, name.dotted.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype):
        raise ForeignError(f"holds Python code of its own ({name.dotted[:80]})")
    return dtype


def _is_bound(value: Any, made: Made) -> bool:
    """Whether it stands for a layer's own way of going forward, as layers have it that are fused already."""
    is_method = isinstance(value, Made) and value.maker == "builtins.getattr" and len(value.args) == 2
    return is_method and value.args[0] is made and value.args[1] in ("forward", "forward_fuse")


def _check_members(module: nn.Module) -> None:
    """Raise ValueError if a layer's tables hold what does not belong there."""
    for table, kind in (("_parameters", Tensor), ("_buffers", Tensor), ("_modules", nn.Module)):
        members = module.__dict__.get(table)
        if not isinstance(members, dict) or not all(
            isinstance(name, str) and (member is None or isinstance(member, kind))
            for name, member in members.items()
        ):
            raise ValueError(f"is damaged: the {table.strip('_')} of a layer are none")


def _check_calls(module: nn.Module) -> None:
    """Raise ValueError if layers in layers, each in several places, would be called without end."""
    counts: dict[nn.Module, int] = {}

    def calls(layer: nn.Module) -> int:
        if layer not in counts:
            counts[layer] = _MOST_CALLS  # until it is known: a layer inside itself has no end
            members = [member for member in layer._modules.values() if member is not None]
            counts[layer] = 1 + sum(map(calls, members))  # children() would count what comes twice once
        return counts[layer]

    if calls(module) > _MOST_CALLS:
        raise ValueError("is a model without end")
