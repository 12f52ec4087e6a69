"""A detector's network out of a file: opened without running it, checked, tried out in shapes only."""

from __future__ import annotations

import copy
from collections import OrderedDict
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sav.detectors.cells import place_cells
from sav.detectors.door import import_ultralytics
from sav.detectors.names import MOST_CLASSES, checked_names, model_in
from sav.detectors.open_vocabulary import check_told, tell
from sav.detectors.rebuild import ForeignError, rebuild
from sav.detectors.soundness import check_channels, check_weights, head_of, stride_of, try_out
from sav.detectors.words import Vocabulary
from sav.errors import CheckpointError
from sav.weights.file import open_checkpoint

# Layers whose features tell objects of one class apart: deeper ones are there to see them as one.
_FIRST_LAYERS = 2


@dataclass(frozen=True, eq=False)
class Network:
    """A detection model of ultralytics.

    Attributes:
        module: The model, a `torch.nn.Module` in eval mode, without gradients.
        names: Its classes, by their ids.
        stride: The sides of what it sees must be multiples of it, in pixels.
        steps: Pixels from cell to cell in each of the grids that its head looks at.
        channels: 3 if it wants colours, 1 if grey.
        is_transformer: Whether it is an RT-DETR, which sees a picture squeezed into a square.
        is_oriented: Whether its boxes are turned, by an angle in the last column of what the head gives.
        dtype: In which it computes.
    """

    module: Any
    names: dict[int, str]
    stride: int
    steps: tuple[float, ...]
    channels: int
    is_transformer: bool
    is_oriented: bool = False
    dtype: torch.dtype = torch.float32

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

    @property
    def is_regular(self) -> bool:
        """Whether it does the same with each picture, all of it fit for half precision."""
        return not self.is_transformer and not self.sees_one

    def __call__(self, batch: Tensor, most: int = 300) -> Tensor:
        """What the head gives; see `look`."""
        return self.look(batch, most)[0]

    def look(
        self, batch: Tensor, most: int = 300, with_grids: bool = False
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """What the head gives, and the features that the first layers make of the pictures.

        Args:
            batch: `(B, channels, H, W)` of `dtype`, 0 to 1, RGB; sides are multiples of the stride.
            most: How many boxes a head gives that chooses.
            with_grids: Whether the features are wanted.

        Returns:
            `(B, 4 + classes + more, N)`: boxes as x, y, width and height, then scores; or, if the head
            chooses, `(B, N, 6 + more)`: boxes, score and class. Of oriented boxes, which are always x, y,
            width and height, the last column is the angle in radians. And of each of the first layers
            `(B, C, h, w)` of `dtype`, if they are wanted.
        """
        grids: list[Tensor] = []
        view = self._view(most)
        if with_grids:
            for layer in view.model[:_FIRST_LAYERS]:
                layer.register_forward_hook(lambda layer, given, grid: grids.append(grid))
        # In some versions heads that choose make numbers on the CPU, which a CUDA graph cannot hold.
        with batch.device if batch.is_cuda and self.is_regular and self.chooses else nullcontext():
            return _table(view(batch)), tuple(grids)

    def halved(self) -> Network:
        """The same in half precision, laid out as tensor cores want it; only boxes are worked out in float32.

        In half precision a place 1500 pixels from the corner would be a whole number.
        """
        module = self.module.half().to(memory_format=torch.channels_last)
        head = module.model[-1]
        for name in ("cv2", "one2one_cv2"):
            for branch in getattr(head, name, None) or ():
                branch[-1].register_forward_hook(_in_float32)
        if hasattr(head, "dfl"):
            head.dfl.float()
        return replace(self, dtype=torch.float16)

    def _view(self, most: int) -> Any:
        """The module with a head of its own, since heads keep the last picture's grid in their attributes.

        So have the first layers, for their hooks. It costs microseconds and shares all weights; neither
        threads nor settings meet in it.
        """
        module = copy.copy(self.module)
        layers = copy.copy(module.model)
        head = copy.copy(layers[-1])
        head.max_det = most
        if not self.is_transformer:
            head._forward_pre_hooks = OrderedDict()
            head.register_forward_pre_hook(partial(place_cells, self.steps))
        first = {str(place): copy.copy(layer) for place, layer in enumerate(layers[:_FIRST_LAYERS])}
        for layer in first.values():
            layer._forward_hooks = OrderedDict()
        layers._modules = {**layers._modules, **first, str(len(layers) - 1): head}
        module._modules = {**module._modules, "model": layers}
        return module


def _in_float32(layer: nn.Module, given: Any, distances: Tensor) -> Tensor:
    return distances.float()


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
        head = head_of(module)
        module.float()
        if vocabulary is not None:
            tell(module, vocabulary)
        network = _described(module, head)
        check_weights(module)
        check_channels(module)
        if not trust_checkpoint:
            try_out(network)
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
    stride = stride_of(module.stride)
    steps = () if is_transformer else tuple(head.stride.flatten().tolist())
    if not is_transformer and len(steps) != module.stride.numel():
        raise ValueError("is damaged: its layers do not fit together (its head is for other grids)")
    return Network(module, names, stride, steps, channels, is_transformer, is_oriented)
