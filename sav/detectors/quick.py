"""ultralytics' layers on an NVIDIA GPU, with what follows a convolution in one kernel.

Contract: what the layers give, rounded less often. Where the kernel cannot run, the layers go their own
ways; that is logged once. So they do outside of CUDA graphs, where launching the kernel costs more than it
saves.
Reference test: tests/detectors/test_quick.py, against the layers; on a GPU tests/gpu/test_detector.py.
"""

from __future__ import annotations

import logging
from functools import cache, partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sav.detectors.door import import_ultralytics

_log = logging.getLogger(__name__)


def quicken(module: nn.Module) -> None:
    """Have a fused model's layers go the quick way, as far as they are of kinds that are known."""
    modules = import_ultralytics().nn.modules
    for layer in module.modules():
        if _is_plain(layer):
            layer.forward = partial(_convolved, layer)  # type: ignore[method-assign]
        elif type(layer) is modules.Bottleneck and layer.add and _is_plain(layer.cv2):
            layer.forward = partial(_bottleneck, layer)  # type: ignore[method-assign]
        elif type(layer).forward is modules.C2f.forward and _is_plain(layer.cv1):
            layer.forward = partial(_split, layer)  # type: ignore[method-assign]


def _is_plain(layer: Any) -> bool:
    """Whether it is a convolution with a bias and SiLU, and nothing else."""
    modules = import_ultralytics().nn.modules
    return (
        type(layer) in (modules.Conv, modules.DWConv)
        and not hasattr(layer, "bn")
        and isinstance(layer.act, nn.SiLU)
        and layer.conv.bias is not None
    )


def _is_captured(grid: Tensor) -> bool:
    """Whether a call is being captured, and the kernel is there; it is compiled in the call before."""
    return grid.is_cuda and _has_kernel(grid.device) and torch.cuda.is_current_stream_capturing()


def _convolved(layer: Any, grid: Tensor) -> Tensor:
    if not _is_captured(grid):
        plain: Tensor = layer.forward_fuse(grid)
        return plain
    raw = _raw(layer.conv, grid)
    return finished(raw, layer.conv.bias, out=raw)


def _bottleneck(layer: Any, grid: Tensor) -> Tensor:
    if not _is_captured(grid):
        plain: Tensor = type(layer).forward(layer, grid)
        return plain
    raw = _raw(layer.cv2.conv, layer.cv1(grid))
    return finished(raw, layer.cv2.conv.bias, residual=grid, out=raw)


def _split(layer: Any, grid: Tensor) -> Tensor:
    """A C2f: each block's result is written where the last convolution reads all of them."""
    if not _is_captured(grid):
        plain: Tensor = type(layer).forward(layer, grid)
        return plain
    raw, bias, width = _raw(layer.cv1.conv, grid), layer.cv1.conv.bias, layer.c
    shape = len(raw), (2 + len(layer.m)) * width, *raw.shape[2:]
    together = _empty(shape, raw.device, raw.dtype)
    parts = together.split(width, 1)

    finished(raw[:, :width], bias[:width], out=parts[0])
    last = torch.empty_like(raw[:, width:], memory_format=torch.channels_last)
    finished(raw[:, width:], bias[width:], out=last, twin=parts[1])
    for block, part in zip(layer.m, parts[2:], strict=True):
        last = _into(block, last, part)
    result: Tensor = layer.cv2(together)
    return result


def _into(block: Any, grid: Tensor, part: Tensor) -> Tensor:
    """What a block makes of a grid, also written to `part`."""
    if type(block) is not import_ultralytics().nn.modules.Bottleneck or not _is_plain(block.cv2):
        result: Tensor = block(grid)
        part.copy_(result)
        return result
    raw = _raw(block.cv2.conv, block.cv1(grid))
    return finished(raw, block.cv2.conv.bias, residual=grid if block.add else None, out=raw, twin=part)


def _raw(conv: nn.Conv2d, grid: Tensor) -> Tensor:
    """A convolution without its bias."""
    return F.conv2d(grid, conv.weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)


def finished(
    raw: Tensor, bias: Tensor, *, residual: Tensor | None = None, out: Tensor, twin: Tensor | None = None
) -> Tensor:
    """`silu(raw + bias) + residual`, in `out` and, where there is one, in `twin`.

    Args:
        raw: `(B, C, H, W)`, as others here.
        bias: `(C,)`.
        residual: What is added.
        out: Where it is written; may be `raw`.
        twin: Where else.
    """
    if raw.is_cuda and all(_is_fit(grid) for grid in (raw, residual, out, twin) if grid is not None):
        from sav.detectors.silu_kernels import finish

        finish(raw, bias, residual, out, twin)
        return out
    value = F.silu(raw + bias.view(-1, 1, 1))
    out.copy_(value if residual is None else value + residual)
    if twin is not None:
        twin.copy_(out)
    return out


def _empty(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype = torch.float16) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=device, memory_format=torch.channels_last)


def _is_fit(grid: Tensor) -> bool:
    """Whether it lies pixel by pixel, and its channels can be read eight at a time."""
    _, channels, height, width = grid.shape
    step = grid.stride(3)
    return (
        grid.dtype == torch.float16
        and channels % 8 == 0
        and step % 8 == 0
        and grid.data_ptr() % 16 == 0
        and grid.stride() == (height * width * step, 1, width * step, step)
    )


@cache
def _has_kernel(device: torch.device) -> bool:
    """Whether the kernel runs there; it is compiled for all that it can be asked."""
    try:
        from sav.detectors.silu_kernels import finish

        grid, bias = _empty((1, 8, 1, 2), device), torch.ones(8, dtype=torch.float16, device=device)
        for residual, twin in product((None, grid.clone()), (None, grid.clone())):
            finish(grid, bias, residual, grid, twin)
    except Exception as error:  # no Triton, no compiler, or a chip that it does not know
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        _log.warning("the detector's layers go without a kernel of their own: %s", reason)
        return False
    return True
