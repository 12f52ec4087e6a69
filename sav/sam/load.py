"""Open a SAM checkpoint safely: tensors only, never code."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sav.checkpoints import CheckpointError
from sav.device import EXACT, Precision
from sav.sam.architecture import StateDict, build_sam
from sav.sam.model import SamModel


def load_sam(
    path: Path, device: torch.device, precision: Precision = EXACT, compiled: bool = False
) -> SamModel:
    """Load any segment_anything ViT checkpoint, whatever its size and file name.

    Raises:
        CheckpointError: If the file is damaged, holds code, or is not such a checkpoint.
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

    Raises:
        ValueError: If it does not, for want of a C++ compiler or Triton for example.
    """
    model.sam.image_encoder.compile()
    side = model.sam.image_encoder.img_size
    try:
        model.embed([np.zeros((side, side, 3), np.uint8)])
    except Exception as error:  # the compiler's own, Triton's, the system's
        raise ValueError(f"torch.compile does not work here, leave out --compile: {_gist(error)}") from error


def _gist(error: Exception) -> str:
    """The first line of a message that may have hundreds."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def read_state(path: Path) -> StateDict:
    """The tensors in a checkpoint file, by name, on the CPU.

    Raises:
        CheckpointError: If the file is not a PyTorch checkpoint, or holds anything but tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(
            f"{path} cannot be read: it is damaged or incomplete, or not a PyTorch checkpoint; get it again"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{path} is not a SAM checkpoint: it is not a table of tensors by name")
    return state


def _refusal(path: Path, problem: str) -> str:
    """Why PyTorch's tensors-only loader stopped, in words for a user."""
    code = re.search(r"GLOBAL (\S+)", problem)
    if code:
        return f"{path} holds Python code ({code[1]}), which is never run; a SAM checkpoint is tensors only"
    return f"{path} is not a PyTorch checkpoint, or it is damaged; get it again"
