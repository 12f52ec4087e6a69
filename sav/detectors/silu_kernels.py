"""A Triton kernel for what follows a convolution: bias, SiLU, a residual, and where the result goes."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import triton
import triton.language as tl
from torch import Tensor

# Channels that a thread reads at once, in half precision 16 bytes; and how many of those a program has.
LANES = 8
_GROUPS = 256


def finish(raw: Tensor, bias: Tensor, residual: Tensor | None, out: Tensor, twin: Tensor | None) -> None:
    """Write `silu(raw + bias) + residual` to `out`, and to `twin` where there is one.

    All are `(B, C, H, W)` of `can_finish`; `out` or `twin` may be `raw` itself.
    """
    batch, channels, height, width = raw.shape
    grids = raw, residual if residual is not None else raw, out, twin if twin is not None else out
    rows, groups = batch * height * width, channels // LANES
    with torch.cuda.device(raw.device) if raw.is_cuda else nullcontext():
        _finish[triton.cdiv(rows * groups, _GROUPS),](
            *grids,
            bias,
            rows,
            groups,
            *(grid.stride(3) // LANES for grid in grids),
            ADDS=residual is not None,
            HAS_TWIN=twin is not None,
            GROUPS=_GROUPS,
            WIDTH=LANES,
            num_warps=4,
        )


# Numbers that vary are not compiled in, so that there are four kernels in all, known before any is captured.
@triton.jit(do_not_specialize=["rows", "groups", "raw_step", "residual_step", "out_step", "twin_step"])
def _finish(
    raw,
    residual,
    out,
    twin,
    bias,
    rows,
    groups,
    raw_step,
    residual_step,
    out_step,
    twin_step,
    ADDS: tl.constexpr,
    HAS_TWIN: tl.constexpr,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    number = tl.program_id(0) * GROUPS + tl.arange(0, GROUPS)
    row = (number // groups)[:, None]
    group = (number % groups)[:, None]
    lane = tl.arange(0, WIDTH)[None, :]
    is_there = row < rows
    row = row.to(tl.int64)

    value = tl.load(raw + (row * raw_step + group) * WIDTH + lane, is_there, 0).to(tl.float32)
    value += tl.load(bias + group * WIDTH + lane, is_there, 0).to(tl.float32)
    value *= tl.sigmoid(value)
    if ADDS:
        added = tl.load(residual + (row * residual_step + group) * WIDTH + lane, is_there, 0)
        value += added.to(tl.float32)
    value = value.to(out.dtype.element_ty)
    tl.store(out + (row * out_step + group) * WIDTH + lane, value, is_there)
    if HAS_TWIN:
        tl.store(twin + (row * twin_step + group) * WIDTH + lane, value, is_there)
