"""Open a SAM checkpoint safely: tensors only, never code."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sav.checkpoints import CheckpointError
from sav.sam.architecture import StateDict, build_sam
from sav.sam.model import SamModel


def load_sam(path: Path, device: torch.device, precision: torch.dtype = torch.float32) -> SamModel:
    """Load any segment_anything ViT checkpoint, whatever its size and file name.

    Raises:
        CheckpointError: If the file is damaged, holds code, or is not such a checkpoint.
    """
    try:
        return SamModel(build_sam(read_state(path)), device, precision)
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{path} is not a SAM checkpoint: {error}") from error


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
