"""A Triton kernel from image tokens in low rank to masks: all of `sav.sam.fast.upscaling` for one tile.

Products are on tensor cores: of float32 they see the upper 19 bits (TF32), and sums are float32.
"""

from __future__ import annotations

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from sav.sam.fast.mask_kernels import on

# Tokens of a tile at the most, which lie side by side, and how the kernel is compiled.
_TOKENS, _WARPS, _STAGES = 32, 4, 2
# Vectors of the basis that a product takes at once.
_STEP = 32


class Weights(NamedTuple):
    """What makes masks of the first convolution's channels.

    Attributes:
        gain: `(c,)` of the normalisation.
        bias: `(c,)`
        eps: What it adds to the variance.
        second: `(c, 4 c')`, the second convolution: row, column, channel.
        second_bias: `(c',)`.
    """

    gain: Tensor
    bias: Tensor
    eps: float
    second: Tensor
    second_bias: Tensor


def masks(
    basis: Tensor,
    scale: Tensor,
    coefficients: Tensor,
    shared: Tensor,
    fine: tuple[Tensor, Tensor] | None,
    mixers: Tensor,
    weights: Weights,
    extent_hw: tuple[int, int],
) -> Tensor:
    """Every mask of `m` prompts, `(m masks, 4 h, 4 w)`, 0 outside of the extent.

    Args:
        basis: `(m, R, T)`, with room between the prompts.
        scale: `(m, 1, T)`.
        coefficients: `(m, R, 4 c)`, behind the first convolution.
        shared: `(h, w, 4 c)`.
        fine: SAM 2's details, `(h, w, 4 c)` and `(h, w, 4, 4 c')`.
        mixers: `(m, masks, c')`.
        weights: Of the layers in between.
        extent_hw: In how many rows and columns of tokens masks are made.
    """
    prompts, rank = basis.shape[:2]
    height, width = shared.shape[:2]
    rows, columns = extent_hw
    logits = mixers.new_zeros(prompts * mixers.shape[1], 4 * height, 4 * width)
    tokens = min(_TOKENS, max(16, triton.next_power_of_2(columns)))
    first_fine, second_fine = fine or (shared, shared)

    with on(logits.device):
        _masks[triton.cdiv(columns, tokens), rows, prompts](
            basis, scale, coefficients.contiguous(), shared, first_fine, second_fine, mixers.contiguous(),
            *weights, logits, basis.stride(0), basis.stride(1), scale.stride(0), rank, height, width, columns,
            MASKS=mixers.shape[1], STEP=_STEP, TOKENS=tokens,
            FIRST=len(weights.gain), SECOND=mixers.shape[2], IS_FINE=fine is not None,
            num_warps=_WARPS, num_stages=_STAGES,
        )  # fmt: skip
    return logits


@triton.jit
def _gelu(x):
    return 0.5 * x * (1 + tl.erf(x * 0.7071067811865476))


@triton.jit(do_not_specialize=["columns"])
def _masks(basis, scale, coefficients, shared, first_fine, second_fine, mixers,
           gain, bias, eps, second, second_bias, logits,
           basis_stride, row_stride, scale_stride, rank, height, width, columns,
           MASKS: tl.constexpr, STEP: tl.constexpr, TOKENS: tl.constexpr,
           FIRST: tl.constexpr, SECOND: tl.constexpr, IS_FINE: tl.constexpr):  # fmt: skip
    """The masks of one prompt in some tokens of one row, `(part of the row, row, prompt)`."""
    row, prompt = tl.program_id(1), tl.program_id(2).to(tl.int64)
    column = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    is_there = column < columns
    token = row * width + column

    basis += prompt * basis_stride
    coefficients += prompt * rank * 4 * FIRST
    once_scale = tl.load(scale + prompt * scale_stride + token, mask=is_there, other=0.0)[:, None]

    channel, last = tl.arange(0, FIRST), tl.arange(0, SECOND)
    mask = tl.arange(0, 16)
    mixer = tl.load(
        mixers + (prompt * MASKS + mask[None]) * SECOND + last[:, None],
        mask=(mask < MASKS)[None] & (last >= 0)[:, None],
        other=0.0,
    )  # (c', masks)
    channel_gain, channel_bias = tl.load(gain + channel)[None], tl.load(bias + channel)[None]
    last_bias = tl.load(second_bias + last)[None]

    out = logits + (prompt * MASKS + mask[None]) * (16 * height * width) + 16 * row * width
    out += 4 * column[:, None]
    out_mask = is_there[:, None] & (mask < MASKS)[None]
    for square in range(4):
        # The first convolution: (tokens, c)
        place = square * FIRST + channel[None]
        common = tl.load(shared + token[:, None] * 4 * FIRST + place, mask=is_there[:, None], other=0.0)
        once = once_scale * common
        for start in range(0, rank, STEP):
            vector = start + tl.arange(0, STEP)
            is_vector = vector < rank
            image = tl.load(
                basis + vector[None] * row_stride + token[:, None],
                mask=is_there[:, None] & is_vector[None],
                other=0.0,
            )
            own = tl.load(
                coefficients + vector[:, None] * 4 * FIRST + place, mask=is_vector[:, None], other=0.0
            )
            once = tl.dot(image, own, acc=once)
        if IS_FINE:
            once += tl.load(
                first_fine + token[:, None] * 4 * FIRST + place, mask=is_there[:, None], other=0.0
            )

        once -= tl.sum(once, axis=1)[:, None] / FIRST
        variance = tl.sum(once * once, axis=1)[:, None] / FIRST
        once = _gelu(once * tl.rsqrt(variance + eps) * channel_gain + channel_bias)

        for part in range(4):
            # The second convolution and the mixing: (tokens, c'), (tokens, masks)
            target = part * SECOND + last[None]
            twice = tl.dot(once, tl.load(second + channel[:, None] * 4 * SECOND + target)) + last_bias
            if IS_FINE:
                detail = second_fine + (token[:, None] * 4 + square) * 4 * SECOND + target
                twice += tl.load(detail, mask=is_there[:, None], other=0.0)
            mixed = tl.dot(_gelu(twice), mixer)
            down, across = 2 * (square // 2) + part // 2, 2 * (square % 2) + part % 2
            tl.store(out + down * 4 * width + across, mixed, mask=out_mask)
