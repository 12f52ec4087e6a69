"""Load a SAM from a checkpoint file, and compile it."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sav.device import EXACT, Precision
from sav.errors import CheckpointError, SettingError
from sav.sam.architecture import build_sam
from sav.sam.fast.encoder import FastEncoder
from sav.sam.model import SamModel
from sav.sam.shapes import StateDict
from sav.sam.unwrap import find_sam
from sav.weights.file import Checkpoint, open_checkpoint
from sav.weights.made import Made
from sav.without_compiler import without_compiler

_CPU = torch.device("cpu")
# That read a file at once; more do not make it faster.
_THREADS = min(8, os.cpu_count() or 1)

_log = logging.getLogger(__name__)


def load_sam(
    path: Path, device: torch.device, precision: Precision = EXACT, compiled: bool = False
) -> SamModel:
    """Load any checkpoint of SAM, SAM 2 or MobileSAM, whatever its file name, and whatever is around it.

    Nothing in the file is run.

    Raises:
        CheckpointError: If the file is damaged, or is not such a checkpoint.
        SettingError: If it is to be compiled, and `torch.compile` does not work here.
    """
    try:
        state = _state(path, device)
        with without_compiler():
            model = SamModel(build_sam(state), device, precision)
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{path} is not a SAM checkpoint: {error}") from error
    if compiled:
        compile_encoder(model)
    return model


def _state(path: Path, device: torch.device) -> StateDict:
    """The tensors where they can be checked fastest: on the GPU, if that is where they are wanted."""
    return read_state(path, device if device.type == "cuda" else _CPU)


def compile_encoder(model: SamModel) -> None:
    """Compile the image encoder now, by embedding a picture, so that it is known whether that works.

    Where it has kernels of ours it stays as it is: they are faster than what is compiled.

    Raises:
        SettingError: If it does not, for want of a C++ compiler or Triton for example.
    """
    encoder = model.sam.image_encoder
    if isinstance(encoder, FastEncoder) and encoder.has_kernels_on(model.device):
        _log.info("SAM's encoder is not compiled: it has faster kernels for this device")
        return
    encoder.compile()
    side = model.encoder.side
    try:
        model.embed([np.zeros((side, side, 3), np.uint8)])
    except Exception as error:  # the compiler's own, Triton's, the system's
        raise SettingError(
            f"torch.compile does not work here, leave out --compile: {_gist(error)}"
        ) from error


def _gist(error: Exception) -> str:
    """The first line of a message that may have hundreds."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def read_state(path: Path, device: torch.device = _CPU) -> StateDict:
    """The tensors of the SAM in a checkpoint file, on a device, under the names that `build_sam` knows.

    Threads read, check and upload them, and no more of them than there are threads is in memory twice.

    Raises:
        CheckpointError: If the file cannot be read, or holds no SAM, or a tensor that is none of a model's.
    """
    with open_checkpoint(path) as checkpoint, ThreadPoolExecutor(_THREADS) as pool:
        try:
            wanted = find_sam(checkpoint.tree)
        except ValueError as error:
            raise CheckpointError(f"{path} is not a SAM checkpoint: {error}") from error
        read = partial(_read, path, checkpoint, device)
        found = list(pool.map(read, wanted, wanted.values()))
    # A device answers once for all of them.
    finite = torch.stack([is_finite for _, is_finite in found]).tolist() if found else []
    for name, is_finite in zip(wanted, finite, strict=True):
        if not is_finite:
            reason = "has numbers that are infinite or none (NaN): its training failed, or it is damaged"
            raise CheckpointError(_unusable(path, name, reason))
    return {name: tensor for name, (tensor, _) in zip(wanted, found, strict=True)}


def _read(
    path: Path, checkpoint: Checkpoint, device: torch.device, name: str, value: Made
) -> tuple[Tensor, Tensor]:
    """A tensor on a device, and there whether all of its numbers are finite.

    Raises:
        CheckpointError: If it cannot be read, or is not of real numbers.
    """
    try:
        tensor = checkpoint.tensor(value)
    except ValueError as error:
        raise CheckpointError(_unusable(path, name, error)) from error
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise CheckpointError(_unusable(path, name, f"is of {kind} numbers, not of real ones"))
    tensor = tensor.to(device)
    extremes = torch.stack(torch.aminmax(tensor)) if tensor.numel() else tensor.new_zeros(2)
    return tensor, extremes.isfinite().all()


def _unusable(path: Path, name: str, reason: object) -> str:
    return f"{path} cannot be used: its tensor {name[:120]} {reason}"
