"""A Triton kernel of the cross attention from an image in low rank to prompt tokens, and of its LayerNorm.

It is one pass over the image. All heads are one product: what belongs to other heads is zero. A prompt's
tokens of a head are filled up to a power of two. Products are on tensor cores (TF32); those that LayerNorm's
variance is made of, whose parts nearly cancel each other, are made of three each, which gives float32's
rounding. See `sav.sam.fast.low_rank`.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from sav.sam.fast.mask_kernels import on

# Tokens of a tile, warps of a program, stages of loading: the fastest of four ways on an H200.
_TOKENS, _WARPS, _STAGES = 32, 4, 1


def image_to_token(
    shared: tuple[Tensor, Tensor, Tensor, Tensor],
    keys: Tensor,
    basis_scores: Tensor,
    values: Tensor,
    gram: Tensor,
    constants: Tensor,
    channels: int,
    eps: float,
    memory: Tensor,
    rank: int,
    scale: Tensor,
) -> int:
    """As `LowRankImage.image_to_token`, in place; the new rank.

    Args:
        shared: Queries, positions `(H, d, T)`; products of values `(layers, H, d, T)`; squares `(T,)`.
        keys: `(m, H, P, d)`.
        basis_scores: `(m, H P, R)`.
        values: `(m, layers, H, P - 1, d)`.
        gram: `(m, R', R')` with `R' = R + H (P - 1)`.
        constants: `(m, layers, T)`.
        channels: Of a token.
        eps: What LayerNorm adds to the variance.
        memory: `(m, most R, T)`; behind the `rank` first it gets the new vectors and what divides all.
        rank: R.
        scale: `(m, 1, T)`.
    """
    queries, positions, products, squares = shared
    prompts, heads, count, dim = keys.shape
    tokens = memory.shape[2]
    with on(keys.device):
        _image_to_token[triton.cdiv(tokens, _TOKENS), prompts](
            queries, positions, keys.contiguous(), basis_scores.contiguous(), values.contiguous(), products,
            gram.contiguous(), constants.contiguous(), squares, memory, scale,
            memory.stride(0), memory.stride(1), scale.stride(0), rank, gram.shape[1], count, tokens, channels,
            eps, HEADS=heads, DIM=dim, FILLED=triton.next_power_of_2(count),
            RANK=max(16, triton.next_power_of_2(rank)), LAYERS=values.shape[1], TOKENS=_TOKENS,
            num_warps=_WARPS, num_stages=_STAGES,
        )  # fmt: skip
    return gram.shape[1] + 1


@triton.jit
def _image_to_token(queries, positions, keys, basis_scores, values, products, gram, constants, squares,
                    basis, scale, basis_stride, row_stride, scale_stride, rank, new_rank, count, tokens,
                    width, eps, HEADS: tl.constexpr, DIM: tl.constexpr, FILLED: tl.constexpr,
                    RANK: tl.constexpr, LAYERS: tl.constexpr, TOKENS: tl.constexpr):  # fmt: skip
    """Attention of some tokens to one prompt, `(part, prompt)`, and the LayerNorm behind it."""
    prompt = tl.program_id(1).to(tl.int64)
    rows: tl.constexpr = HEADS * FILLED
    channels: tl.constexpr = HEADS * DIM
    row, channel, vector = tl.arange(0, rows), tl.arange(0, channels), tl.arange(0, RANK)
    head, place = row // FILLED, row % FILLED
    is_head = head[:, None] == (channel // DIM)[None]
    token = tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)
    is_there = token < tokens
    basis += prompt * basis_stride
    once = tl.load(scale + prompt * scale_stride + token, mask=is_there, other=0.0)
    across = channel[:, None] * tokens + token[None]
    is_vector = vector < rank
    image = tl.load(
        basis + vector[:, None] * row_stride + token[None],
        mask=is_vector[:, None] & is_there[None],
        other=0.0,
    )  # (R, tokens)

    # The weights of each head's prompt tokens, (rows, tokens)
    key = keys + ((prompt * HEADS + head) * count + place)[:, None] * DIM + (channel % DIM)[None]
    key = tl.load(key, mask=is_head & (place < count)[:, None], other=0.0)
    scores = tl.dot(key, tl.load(queries + across, mask=is_there[None], other=0.0)) * once[None]
    if LAYERS > 1:
        own = basis_scores + ((prompt * HEADS + head) * count + place)[:, None] * rank + vector[None]
        own = tl.load(own, mask=is_vector[None] & (place < count)[:, None], other=0.0)
        scores = tl.dot(own, image, acc=scores)
        scores = tl.dot(key, tl.load(positions + across, mask=is_there[None], other=0.0), acc=scores)
    scores = tl.where((place < count)[:, None], scores, float("-inf"))
    scores = tl.reshape(scores, (HEADS, FILLED, TOKENS))
    scores = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    scores = tl.reshape(scores / tl.sum(scores, axis=1)[:, None], (rows, TOKENS))
    is_new = place < count - 1
    weights = tl.where(is_new[:, None], scores, 0.0)

    # What the old vectors and the new ones have to do with each other and with the shared tokens
    new = rank + head * (count - 1) + place
    gram += prompt * new_rank * new_rank
    both = gram + vector[:, None] * new_rank + vector[None]
    both = tl.load(both, mask=is_vector[:, None] & is_vector[None], other=0.0)
    half = tl.dot(both, image, input_precision="tf32x3")
    both = gram + vector[:, None] * new_rank + new[None]
    both = tl.load(both, mask=is_vector[:, None] & is_new[None], other=0.0)
    half = tl.dot(2 * both, weights, acc=half, input_precision="tf32x3")
    for layer in tl.static_range(LAYERS - 1):
        place_in_layer = vector - 1 - layer * (1 + HEADS * (count - 1))
        of_head = place_in_layer // (count - 1)
        is_own = (place_in_layer >= 0)[:, None] & (of_head[:, None] == (channel // DIM)[None])
        value = values + (prompt * LAYERS + layer) * HEADS * (count - 1) * DIM
        value = tl.load(value + place_in_layer[:, None] * DIM + (channel % DIM)[None], mask=is_own, other=0.0)
        product = tl.load(products + layer * channels * tokens + across, mask=is_there[None], other=0.0)
        half += 2 * once[None] * tl.dot(value, product, input_precision="tf32x3")
    sums = tl.sum(half * image, axis=0)

    both = gram + new[:, None] * new_rank + new[None]
    both = tl.load(both, mask=is_new[:, None] & is_new[None], other=0.0)
    half = tl.dot(both, weights, input_precision="tf32x3")
    value = values + (prompt * LAYERS + LAYERS - 1) * HEADS * (count - 1) * DIM
    value += (head * (count - 1) + place)[:, None] * DIM + (channel % DIM)[None]
    value = tl.load(value, mask=is_head & is_new[:, None], other=0.0)
    product = tl.load(products + (LAYERS - 1) * channels * tokens + across, mask=is_there[None], other=0.0)
    half += 2 * once[None] * tl.dot(value, product, input_precision="tf32x3")
    sums += tl.sum(half * weights, axis=0)

    for layer in tl.static_range(LAYERS):
        constant = tl.load(constants + (prompt * LAYERS + layer) * tokens + token, mask=is_there, other=0.0)
        line = basis + layer * (1 + HEADS * (count - 1)) * row_stride + token
        sums += 2 * once * constant * tl.load(line, mask=is_there, other=0.0)
    sums += once * once * tl.load(squares + token, mask=is_there, other=0.0)

    inverse = tl.rsqrt(tl.maximum(sums, 0.0) / width + eps)
    # Other threads of the program still read what is overwritten now.
    tl.debug_barrier()
    tl.store(scale + prompt * scale_stride + token, once * inverse, mask=is_there)
    tl.store(basis + vector[:, None] * row_stride + token[None], image * inverse[None],
             mask=is_vector[:, None] & (vector > 0)[:, None] & is_there[None])  # fmt: skip
    tl.store(basis + new[:, None] * row_stride + token[None], weights * inverse[None],
             mask=is_new[:, None] & is_there[None])  # fmt: skip
    tl.store(basis + new_rank * row_stride + token, inverse, mask=is_there)
