"""A detector's network out of a file: opened without running it, checked, tried out in shapes only."""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sav.detectors.door import import_ultralytics
from sav.detectors.names import MOST_CLASSES, checked_names, model_in
from sav.detectors.open_vocabulary import check_told, tell
from sav.detectors.rebuild import ForeignError, rebuild
from sav.detectors.words import Vocabulary
from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint

# A picture's sides are multiples of at least this, whatever the model; ultralytics' coarsest grids have 64.
_LEAST_STRIDE, _LARGEST_STRIDE = 32, 256
# Layers whose features tell objects of one class apart: deeper ones are there to see them as one.
_FIRST_LAYERS = 2
# Numbers that one layer may give for each pixel of the picture; the largest models give some 30.
_MOST_NUMBERS_A_PIXEL = 512


@dataclass(frozen=True)
class Network:
    """A detection model of ultralytics.

    Attributes:
        module: The model, a `torch.nn.Module` in eval mode, without gradients.
        names: Its classes, by their ids.
        stride: The sides of what it sees must be multiples of it, in pixels.
        channels: 3 if it wants colours, 1 if grey.
        is_transformer: Whether it is an RT-DETR, which sees a picture squeezed into a square.
        is_oriented: Whether its boxes are turned, by an angle in the last column of what the head gives.
    """

    module: Any
    names: dict[int, str]
    stride: int
    channels: int
    is_transformer: bool
    is_oriented: bool = False

    @property
    def class_count(self) -> int:
        """How many classes its output tells apart."""
        return int(self.module.model[-1].nc)

    @property
    def chooses(self) -> bool:
        """Whether its head gives each object once, so that nothing is left to suppress."""
        return self.is_transformer or bool(getattr(self.module, "end2end", False))

    @property
    def sees_one(self) -> bool:
        """Whether pictures go in one by one, since a built-in vocabulary is read at each one's own places."""
        return hasattr(self.module.model[-1], "lrpc")

    @property
    def names_once(self) -> bool:
        """Whether an object gets one name, as in ultralytics' YOLOE, whose words may mean the same."""
        return isinstance(self.module, import_ultralytics().nn.tasks.YOLOEModel)

    def __call__(self, batch: Tensor, most: int = 300) -> Tensor:
        """What the head gives.

        Args:
            batch: `(B, channels, H, W)` float32, 0 to 1, RGB; sides are multiples of the stride.
            most: How many boxes a head gives that chooses.

        Returns:
            `(B, 4 + classes + more, N)`: boxes as x, y, width and height, then scores; or, if it chooses,
            `(B, N, 6 + more)`: boxes, score and class. Of oriented boxes, which are always x, y, width and
            height, the last column is the angle in radians.
        """
        return _table(self._view(most)(batch))

    def look(self, batch: Tensor, most: int = 300) -> tuple[Tensor, list[Tensor]]:
        """What the head gives, and the features that the first layers make of the pictures.

        Args:
            batch: As for a call.
            most: Likewise.

        Returns:
            The table of boxes, and of each of the first layers `(B, C, h, w)` float32.
        """
        grids: list[Tensor] = []
        view = self._view(most)
        for layer in view.model[:_FIRST_LAYERS]:
            layer.register_forward_hook(lambda layer, given, grid: grids.append(grid))
        return _table(view(batch)), grids

    def _view(self, most: int) -> Any:
        """The module with a head of its own, since heads keep the last picture's grid in their attributes.

        So have the first layers, for their hooks. It costs microseconds and shares all weights; neither
        threads nor settings meet in it.
        """
        module = copy.copy(self.module)
        layers = copy.copy(module.model)
        head = copy.copy(layers[-1])
        head.max_det = most
        first = {str(place): copy.copy(layer) for place, layer in enumerate(layers[:_FIRST_LAYERS])}
        for layer in first.values():
            layer._forward_hooks = OrderedDict()
        layers._modules = {**layers._modules, **first, str(len(layers) - 1): head}
        module._modules = {**module._modules, "model": layers}
        return module


def _table(output: Any) -> Tensor:
    """The table of boxes, which heads give first, at whatever depth."""
    while isinstance(output, list | tuple):
        output = output[0]
    table: Tensor = output
    return table


def load_network(
    checkpoint: Path, trust_checkpoint: bool = False, vocabulary: Vocabulary | None = None
) -> Network:
    """Load the detector in a file, whatever the file is called.

    Args:
        checkpoint: A file that ultralytics wrote.
        trust_checkpoint: Run Python code in it, if its layers are of its own.
        vocabulary: What it is to find, if it can be told.

    Raises:
        CheckpointError: If it cannot be read, finds no boxes, or needs its code run and is not trusted.
    """
    import_ultralytics()
    try:
        try:
            with open_checkpoint(checkpoint) as opened:
                module = rebuild(model_in(opened.tree), opened.tensor)
        except ForeignError:
            if not trust_checkpoint:
                raise
            module = _run(checkpoint)
        head = _head_of(module)
        module.float()
        if vocabulary is not None:
            tell(module, vocabulary)
        network = _described(module, head)
        _check_weights(module)
        _check_channels(module)
        if not trust_checkpoint:
            _try_out(network)
        network.module.fuse(verbose=False)
    except CheckpointError:
        raise
    except ForeignError as error:
        raise CheckpointError(
            f"{checkpoint} {error}, which is not run; if you trust those who made it, take --trust_checkpoint"
        ) from error
    except Exception as error:  # layers of a file that was made up can raise anything
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        damage = "" if isinstance(error, ValueError) else "is damaged: "
        raise CheckpointError(f"{checkpoint} cannot be used as a detector: it {damage}{reason}") from error
    return network


def _run(checkpoint: Path) -> nn.Module:
    """The model in a trusted file, which may run any code."""
    try:
        with checkpoint.open("rb") as file:
            tree = torch.load(file, map_location="cpu", weights_only=False)
    except Exception as error:  # what code raises, or a module that is not installed
        raise ValueError(f"is trusted, but its code fails: {error}") from error
    held = (tree.get("ema") or tree.get("model")) if isinstance(tree, dict) else tree
    if not isinstance(held, nn.Module):
        raise ValueError("holds no ultralytics model")
    return held.eval().requires_grad_(False)


def _head_of(module: Any) -> Any:
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


def _described(module: Any, head: Any) -> Network:
    """Look over a model.

    Raises:
        ValueError: If it has no names for what it finds, or cannot be asked.
    """
    check_told(module, head)
    names = checked_names(getattr(module, "names", None))
    if type(head.nc) is not int or not 1 <= head.nc <= MOST_CLASSES:
        raise ValueError("is damaged: it does not say how many classes it has")
    if len(names) < head.nc:
        raise ValueError(f"has {len(names)} names for {head.nc} classes")

    channels = next(
        (layer.in_channels for layer in module.model.modules() if isinstance(layer, nn.Conv2d)), 0
    )
    if channels not in (1, 3):
        raise ValueError(f"sees pictures of {channels} channels; take one for colours (3) or grey (1)")
    heads = import_ultralytics().nn.modules.head
    is_transformer = isinstance(head, heads.RTDETRDecoder)
    is_oriented = isinstance(head, heads.OBB)
    return Network(module, names, _stride(module.stride), channels, is_transformer, is_oriented)


def _stride(steps: Any) -> int:
    """The coarsest of a head's grids, in pixels."""
    steps = steps.flatten().tolist() if isinstance(steps, Tensor) else []
    if not steps or not all(1 <= step <= _LARGEST_STRIDE for step in steps):
        raise ValueError(f"is damaged: its grids have steps that are none ({str(steps)[:60]})")
    return max(_LEAST_STRIDE, math.ceil(max(steps)))


def _check_weights(module: nn.Module) -> None:
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


def _check_channels(module: nn.Module) -> None:
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


@torch.inference_mode()
def _try_out(network: Network) -> None:
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
