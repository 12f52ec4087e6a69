"""A Triton kernel for what follows a convolution: bias, SiLU, a residual, and where the result goes."""

from __future__ import annotations

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
    rows = batch * height * width
    grid = (triton.cdiv(rows * (channels // LANES), _GROUPS),)
    with torch.cuda.device(raw.device) if raw.is_cuda else torch.no_grad():
        _finish[grid](
            raw,
            bias,
            raw if residual is None else residual,
            out,
            out if twin is None else twin,
            rows,
            channels,
            raw.stride(3),
            0 if residual is None else residual.stride(3),
            out.stride(3),
            0 if twin is None else twin.stride(3),
            ADDS=residual is not None,
            HAS_TWIN=twin is not None,
            GROUPS=_GROUPS,
            WIDTH=LANES,
            num_warps=4,
        )


@triton.jit
def _finish(
    raw,
    bias,
    residual,
    out,
    twin,
    rows,
    channels,
    raw_step,
    residual_step,
    out_step,
    twin_step,
    ADDS: tl.constexpr,
    HAS_TWIN: tl.constexpr,
    GROUPS: tl.constexpr,
    WIDTH: tl.constexpr,
):
    group = tl.program_id(0) * GROUPS + tl.arange(0, GROUPS)
    row = group // (channels // WIDTH)
    is_there = (row < rows)[:, None]
    channel = ((group % (channels // WIDTH)) * WIDTH)[:, None] + tl.arange(0, WIDTH)[None, :]
    row = row.to(tl.int64)[:, None]

    value = tl.load(raw + row * raw_step + channel, is_there, 0).to(tl.float32)
    value += tl.load(bias + channel, is_there, 0).to(tl.float32)
    value *= tl.sigmoid(value)
    if ADDS:
        value += tl.load(residual + row * residual_step + channel, is_there, 0).to(tl.float32)
    value = value.to(out.dtype.element_ty)
    tl.store(out + row * out_step + channel, value, is_there)
    if HAS_TWIN:
        tl.store(twin + row * twin_step + channel, value, is_there)
