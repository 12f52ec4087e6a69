"""Choose the device that the models run on, and the precision that is fast there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache

import cv2
import torch

from sav.errors import SettingError


@dataclass(frozen=True)
class Precision:
    """How the models compute.

    Attributes:
        dtype: In which the image encoder multiplies matrices.
        is_exact: Whether masks must be segment_anything's to the last pixel, at several times the cost;
            otherwise they are the same but for rounding, and one sees no difference.
    """

    dtype: torch.dtype
    is_exact: bool = False


EXACT = Precision(torch.float32, is_exact=True)


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` takes CUDA, then Metal (MPS), then the CPU.

    Raises:
        SettingError: If there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise SettingError(f"unknown device '{name}'; take auto, cuda, cuda:1, mps or cpu") from None
    if not _is_here(device):
        raise SettingError(f"there is no device '{name}' on this machine; --device auto takes what there is")
    if device.type == "cuda" and device.index is None:  # named as tensors name it that are there
        return torch.device("cuda", torch.cuda.current_device())
    return device


def _is_here(device: torch.device) -> bool:
    if device.type == "cuda":
        return (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision called `name`, one of `sav.config.PRECISIONS`.

    `float32` is exact; `auto` takes the fastest that shows no difference: bfloat16 where the device is fast
    at it, else float32, but not exact.
    """
    if name == "auto":
        return Precision(torch.bfloat16 if has_fast_bfloat16(device) else torch.float32)
    if name == "float32":
        return EXACT
    return Precision({"bfloat16": torch.bfloat16, "float16": torch.float16}[name])


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there; where it is not it can be a hundred times slower."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        tests = (
            getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
        return any(test is not None and test() for test in tests)
    return False


def has_fast_float16(device: torch.device) -> bool:
    """Whether half precision is faster than float32 there for convolutions: on GPUs with tensor cores."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)


@cache
def compute_alone_after_fork() -> None:
    """From now on a process that is forked off computes with one thread, for as long as it does not set more.

    It has none of the threads that PyTorch and OpenCV keep for their work, and would wait for them for ever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_compute_alone)


def _compute_alone() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
