"""Choose the device that the models run on."""

from __future__ import annotations

import torch


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes CUDA, then Metal (MPS), then the CPU.

    Raises:
        ValueError: If there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"unknown device '{name}'; take auto, cuda, cuda:1, mps or cpu") from None
    if not _is_here(device):
        raise ValueError(f"there is no device '{name}' on this machine; --device auto takes what there is")
    return device


def _is_here(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"
