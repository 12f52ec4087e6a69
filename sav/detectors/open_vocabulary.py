"""Detectors that are told what to find: YOLO-World and YOLOE, and whether they were told."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sav.detectors.door import import_ultralytics
from sav.detectors.words import Vocabulary

# What YOLOE's adapter for text is made of (RepRTA in Wang et al., YOLOE: Real-Time Seeing Anything, 2025).
_OF_THE_ADAPTER = ("Residual", "SwiGLUFFN", "Linear")


def tell(module: Any, vocabulary: Vocabulary) -> None:
    """Have a detector find words, as ultralytics' `set_classes` does, which asks for a text model of its own.

    Args:
        module: A YOLO-World or YOLOE in float32.
        vocabulary: What it is to find.

    Raises:
        ValueError: It cannot be told.
    """
    tasks, head = import_ultralytics().nn.tasks, module.model[-1]
    is_yoloe = isinstance(module, tasks.YOLOEModel) and not hasattr(head, "lrpc") and not head.is_fused
    if not is_yoloe and not isinstance(module, tasks.WorldModel):
        raise ValueError("knows fixed classes, and cannot be told words")
    wanted, width = head.cv3[0][-1].out_channels, vocabulary.vectors.shape[1]
    if width != wanted:
        raise ValueError(f"wants words as {wanted} numbers, where the text model gives {width}: take another")

    vectors = torch.from_numpy(vocabulary.vectors)[None]  # (1, words, D)
    if is_yoloe:
        _check_adapter(head.reprta)
        module.set_classes(list(vocabulary.words), head.get_tpe(vectors))
    else:
        module.txt_feats = vectors
        head.nc = len(vocabulary.words)
    module.names = dict(enumerate(vocabulary.words))


def _check_adapter(adapter: nn.Module) -> None:
    """Raise ValueError if it has layers that could make more of a vector than there is memory."""
    others = [
        type(layer).__name__ for layer in adapter.modules() if type(layer).__name__ not in _OF_THE_ADAPTER
    ]
    if others:
        raise ValueError(f"is damaged: a {others[0]} in its adapter for text")


def check_told(module: Any, head: Any) -> None:
    """Raise ValueError if an open-vocabulary model has no embeddings of the words that it is to find."""
    name = _told_in(module)
    if name is None or hasattr(head, "lrpc"):
        return
    embeddings = getattr(module, name, None)
    if not isinstance(embeddings, Tensor) or not embeddings.any():
        raise ValueError(
            "waits to be told what to find: give --words, or save it after ultralytics' set_classes, or take"
            " a YOLOE with a vocabulary of its own (-pf)"
        )
    if embeddings.ndim != 3 or embeddings.shape[1] != head.nc:
        raise ValueError(f"is damaged: it has embeddings {tuple(embeddings.shape)} for {head.nc} classes")


def move(module: Any, device: torch.device) -> None:
    """Move a detector, and the embeddings that it was told, which are no weights of it."""
    module.to(device)
    name = _told_in(module)
    if name is not None and isinstance(getattr(module, name, None), Tensor):
        setattr(module, name, getattr(module, name).to(device))


def _told_in(module: Any) -> str | None:
    """The attribute in which a model keeps what it was told; None if it cannot be told anything."""
    tasks = import_ultralytics().nn.tasks
    known = {tasks.WorldModel: "txt_feats", tasks.YOLOEModel: "pe"}
    return next((name for kind, name in known.items() if isinstance(module, kind)), None)
