"""How fast SAM's huge image encoder is here: told beforehand, without its checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from sav.device import Precision
from sav.sam.encoders import vit
from sav.sam.fast.encoder import FastEncoder

# Floating-point operations of a picture, both of a multiply-add counted.
_FLOP = 5.96e12
# Its blocks: most attend within windows, a few to the whole picture.
_WINDOWED, _GLOBAL = 28, 4
_SIDE, _WIDTH, _HEADS, _WINDOW, _OUT = 1024, 1280, 16, 14, 256
# Side of the matrices whose product tells a device's rate, and for how many seconds it is told.
_MATRIX, _PATIENCE = 1024, 0.1


def least_seconds(device: torch.device, precision: Precision) -> float:
    """Seconds that the encoder takes for a picture at the least, by the rate of a matrix product."""
    matrix = torch.ones(_MATRIX, _MATRIX, device=device, dtype=precision.dtype)
    return _FLOP / (2 * _MATRIX**3) * _fastest(lambda: matrix @ matrix, device, _PATIENCE)


@torch.inference_mode()
def measured_seconds(device: torch.device, precision: Precision) -> float:
    """Seconds that the encoder takes for a picture, by those without blocks and with one of either kind."""
    pixels = torch.zeros(1, 3, _SIDE, _SIDE, device=device)
    # A GPU's first calls compile and capture.
    patience = _PATIENCE if device.type == "cuda" else 0
    bare, windowed, whole = (
        _fastest(partial(_encoder(depth, globals_, precision).to(device), pixels), device, patience)
        for depth, globals_ in ((0, ()), (1, ()), (1, (0,)))
    )
    return bare + _WINDOWED * (windowed - bare) + _GLOBAL * (whole - bare)


def _encoder(depth: int, global_blocks: tuple[int, ...], precision: Precision) -> Any:
    sizes = vit.VitArchitecture(
        image_size=_SIDE,
        patch_size=16,
        embed_dim=_WIDTH,
        depth=depth,
        heads=_HEADS,
        mlp_ratio=4.0,
        qkv_bias=True,
        window_size=_WINDOW,
        global_blocks=global_blocks,
    )
    encoder = vit.build(sizes, _OUT).eval()
    return encoder if precision.is_exact else FastEncoder(encoder, precision.dtype)


def _fastest(work: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """The shortest time that `work` takes after a first time, tried for so many seconds and at least once."""
    work()
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:
        _wait(device)
        begun = time.perf_counter()
        work()
        _wait(device)
        best = min(best, time.perf_counter() - begun)
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
