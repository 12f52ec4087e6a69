"""Pictures on the device: each goes up once, through pinned memory, whichever model asks for it first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.data.types import Image

# Tables that stay on devices, of some kilobytes each.
_MOST_KEPT = 128


class SharedImage(np.ndarray[Any, np.dtype[np.uint8]]):
    """A view of an `(H, W, 3)` uint8 BGR picture that remembers where it was uploaded to.

    What it remembers lives as long as the view, which is for whoever hands one picture to several models
    within one call to keep: not longer, since the caller's array may hold another picture afterwards. Parts
    of a view, and what is computed from it, remember nothing.
    """

    uploads: _Uploads | None = None


class _Uploads:
    """One picture's tensors, by device; threads with streams of their own may ask at once."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._tensors: dict[torch.device, tuple[Tensor, torch.cuda.Event | None]] = {}

    def get(self, image: Image, device: torch.device) -> Tensor:
        with self._asking:
            if device not in self._tensors:
                tensor = _sent(image, device)
                self._tensors[device] = tensor, _mark(device)
                return tensor
            tensor, arrived = self._tensors[device]
        if arrived is not None:
            stream = torch.cuda.current_stream(device)
            arrived.wait(stream)
            tensor.record_stream(stream)  # its memory is not given away before this stream is done with it
        return tensor


def shared(image: Image) -> Image:
    """A view of a picture that is uploaded once for all models that see it."""
    view = image.view(SharedImage)
    view.uploads = _Uploads()
    return view


def forget(image: Image) -> None:
    """Let go of what was uploaded of a shared picture; from now on it is a picture like any other."""
    if isinstance(image, SharedImage):
        image.uploads = None


def uploaded(image: Image, device: torch.device) -> Tensor:
    """`(H, W, 3)` uint8 BGR on `device`, without waiting for it; on a CPU where it is, without a copy."""
    uploads = getattr(image, "uploads", None)
    return uploads.get(image, device) if uploads is not None else _sent(image, device)


def on_device(numbers: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU's on `device`, without waiting for it."""
    if device.type == "cuda":
        return numbers.pin_memory().to(device, non_blocking=True)
    return numbers.to(device)


def kept_on_device(
    make: Callable[..., NDArray[np.int32]], numbers: tuple[int, ...], device: torch.device
) -> Tensor:
    """The table that `make` gives for some numbers on `device`, where it stays: nobody may write in it.

    On a GPU each stream has its own, so that none waits for another's, nor is its memory given away while
    another reads it. A CUDA graph must be given it as an input: it may be let go of once others are wanted.
    """
    if device.type != "cuda":
        return _kept(make, numbers, device, 0)
    stream = torch.cuda.current_stream(device)
    return _kept(make, numbers, stream.device, stream.stream_id)


@lru_cache(maxsize=_MOST_KEPT)
def _kept(
    make: Callable[..., NDArray[np.int32]], numbers: tuple[int, ...], device: torch.device, stream_id: int
) -> Tensor:
    return on_device(torch.from_numpy(make(*numbers)), device)


def _sent(image: Image, device: torch.device) -> Tensor:
    is_plain = image.flags.writeable and min(image.strides, default=0) >= 0
    frame = torch.from_numpy(np.asarray(image) if is_plain else np.array(image))
    if device.type != "cuda":
        return frame.to(device)
    pinned = torch.empty(frame.shape, dtype=torch.uint8, pin_memory=True)
    return pinned.copy_(frame).to(device, non_blocking=True)  # by several threads, ten times as fast as numpy


def _mark(device: torch.device) -> torch.cuda.Event | None:
    """What another stream waits for before it reads what this one has uploaded."""
    return torch.cuda.current_stream(device).record_event() if device.type == "cuda" else None
