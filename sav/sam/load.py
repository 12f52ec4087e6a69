"""Load a SAM from a checkpoint file, and compile it."""

from __future__ import annotations

import logging
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
from sav.weights.file import open_checkpoint

_log = logging.getLogger(__name__)


def load_sam(
    path: Path, device: torch.device, precision: Precision = EXACT, compiled: bool = False
) -> SamModel:
    """Load any checkpoint of SAM, SAM 2 or MobileSAM, whatever its file name, and whatever is around it.

    Nothing in the file is run.

    Raises:
        CheckpointError: If the file is damaged, or is not such a checkpoint.
        ValueError: If it is to be compiled, and `torch.compile` does not work here.
    """
    try:
        model = SamModel(build_sam(read_state(path)), device, precision)
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{path} is not a SAM checkpoint: {error}") from error
    if compiled:
        compile_encoder(model)
    return model


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


def read_state(path: Path) -> StateDict:
    """The tensors of the SAM in a checkpoint file, on the CPU, under the names that `build_sam` knows.

    Raises:
        CheckpointError: If the file cannot be read, or holds no SAM, or a tensor that is none of a model's.
    """
    with open_checkpoint(path) as checkpoint:
        try:
            wanted = find_sam(checkpoint.tree)
        except ValueError as error:
            raise CheckpointError(f"{path} is not a SAM checkpoint: {error}") from error
        state = {}
        for name, value in wanted.items():
            try:
                state[name] = _checked(checkpoint.tensor(value))
            except ValueError as error:
                raise CheckpointError(f"{path} cannot be used: its tensor {name[:120]} {error}") from error
        return state


def _checked(tensor: Tensor) -> Tensor:
    """The tensor, if it can be a layer's weights.

    Raises:
        ValueError: If it is not of real numbers, all of them finite.
    """
    if not tensor.is_floating_point():
        raise ValueError(f"is of {str(tensor.dtype).removeprefix('torch.')} numbers, not of real ones")
    if tensor.numel() and not torch.stack(torch.aminmax(tensor)).isfinite().all():
        raise ValueError("has numbers that are infinite or none (NaN): its training failed, or it is damaged")
    return tensor
