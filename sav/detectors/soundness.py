"""Whether a detector's network out of a file is sound, so that nothing in it surprises anybody later."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sav.detectors.door import import_ultralytics
from sav.without_compiler import without_compiler

if TYPE_CHECKING:
    from sav.detectors.network import Network

# A picture's sides are multiples of at least this, whatever the model; ultralytics' coarsest grids have 64.
_LEAST_STRIDE, _LARGEST_STRIDE = 32, 256
# Numbers that one layer may give for each pixel of the picture; the largest models give some 30.
_MOST_NUMBERS_A_PIXEL = 512


def head_of(module: Any) -> Any:
    """The last layer of a model.

    Raises:
        ValueError: If it is no model that finds boxes in pictures.
    """
    tasks, heads = import_ultralytics().nn.tasks, import_ultralytics().nn.modules.head
    layers = getattr(module, "model", None)
    if not isinstance(module, tasks.BaseModel) or not isinstance(layers, nn.Sequential) or not len(layers):
        raise ValueError("holds no ultralytics model")
    head = layers[-1]
    if not isinstance(head, heads.Detect | heads.RTDETRDecoder):
        raise ValueError(
            f"is a {type(module).__name__} with a head for {type(head).__name__}, not for detection"
        )
    return head


def check_weights(module: nn.Module) -> None:
    """Raise ValueError if a weight is no real number; only counters may be whole ones."""
    counters = {name for name, buffer in module.named_buffers() if buffer.ndim == 0}
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point() and name not in counters:
            raise ValueError(
                f"has weights that are {str(tensor.dtype)[6:]} numbers, not real ones, in {name[:80]}"
            )
        if tensor.numel() and not torch.stack(torch.aminmax(tensor)).isfinite().all():
            raise ValueError(
                f"has weights that are infinite or no numbers (NaN), in {name[:80]}: training failed"
            )


def check_channels(module: nn.Module) -> None:
    """Raise ValueError if what a layer has for each channel does not fit its weights.

    Without memory, where all else is tried out, torch does not look at that.
    """
    for layer in module.modules():
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, Tensor) or not weight.ndim:
            continue
        channels: tuple[int, ...] = weight.shape[:1]
        if isinstance(layer, nn.ConvTranspose2d):
            channels = (weight.shape[1] * layer.groups,)
        elif isinstance(layer, nn.LayerNorm):
            channels = weight.shape
        for name in ("bias", "running_mean", "running_var"):
            tensor = getattr(layer, name, None)
            if isinstance(tensor, Tensor) and tensor.shape != channels:
                raise ValueError(
                    f"is damaged: a layer ({type(layer).__name__}) has weights {tuple(weight.shape)} and a"
                    f" {name} {tuple(tensor.shape)}"
                )


def stride_of(steps: Any) -> int:
    """The coarsest of a head's grids, in pixels.

    Raises:
        ValueError: If there are none, or they are out of all bounds.
    """
    steps = steps.flatten().tolist() if isinstance(steps, Tensor) else []
    if not steps or not all(1 <= step <= _LARGEST_STRIDE for step in steps):
        raise ValueError(f"is damaged: its grids have steps that are none ({str(steps)[:60]})")
    return max(_LEAST_STRIDE, math.ceil(max(steps)))


@without_compiler()
@torch.inference_mode()
def try_out(network: Network) -> None:
    """One picture through a copy without memory, on which numbers cost nothing: do the layers fit?

    Raises:
        ValueError: If they do not, or one of them makes more of a picture than there is memory.
    """
    weights = [*network.module.parameters(), *network.module.buffers()]
    twin = copy.deepcopy(network.module, {id(tensor): _without_memory(tensor) for tensor in weights})
    if network.sees_one:
        twin.model[-1].export = True  # all places are read, not those that only numbers could tell
    height, width = (5 if network.is_transformer else 3) * network.stride, 5 * network.stride

    def check(layer: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.numel() > _MOST_NUMBERS_A_PIXEL * height * width:
            raise ValueError(
                f"has a layer ({type(layer).__name__}) that makes {output.numel()} numbers of a picture"
            )

    for layer in twin.modules():
        layer.register_forward_hook(check)
    try:
        table = replace(network, module=twin)(torch.empty(1, network.channels, height, width, device="meta"))
    except (RuntimeError, TypeError, AttributeError, IndexError, KeyError, AssertionError) as error:
        raise ValueError(f"is damaged: its layers do not fit together ({error})") from error

    columns, rows = table.shape[1:] if table.ndim == 3 else (0, 0)
    if network.chooses:
        columns, rows = rows, columns
    if columns < (6 if network.chooses else 4 + network.class_count) or rows < 1:
        raise ValueError(f"is damaged: what its head gives, {tuple(table.shape)}, is no table of boxes")


def _without_memory(tensor: Tensor) -> Tensor:
    meta = tensor.to("meta")
    return nn.Parameter(meta, requires_grad=False) if isinstance(tensor, nn.Parameter) else meta
