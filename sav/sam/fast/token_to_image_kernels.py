"""A Triton kernel of the cross attention from prompt tokens to an image in low rank: one pass over the image.

All heads are one product: what belongs to other heads is zero. A prompt's tokens of a head are filled up to a
power of two. Products are on tensor cores (TF32). See `sav.sam.fast.low_rank`.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from sav.sam.fast.mask_kernels import on

# Parts of the image whose sums are put together in the end.
_PARTS = 8
# Tokens of a tile, warps of a program, stages of loading: the fastest of four ways on an H200.
_TOKENS, _WARPS, _STAGES = 32, 4, 1


def token_to_image(
    shared: tuple[Tensor, Tensor, Tensor],
    queries: Tensor,
    basis_scores: Tensor,
    basis: Tensor,
    scale: Tensor,
) -> tuple[Tensor, Tensor]:
    """As `LowRankImage.token_to_image`, of shared keys, positions and values."""
    keys, positions, values = shared
    prompts, heads, count, dim = queries.shape
    rank, tokens = basis.shape[1:]
    filled = triton.next_power_of_2(count)
    rows = heads * filled
    part = triton.cdiv(triton.cdiv(tokens, _PARTS), _TOKENS) * _TOKENS
    parts = triton.cdiv(tokens, part)

    most, total = (queries.new_empty(prompts, parts, rows) for _ in range(2))
    on_shared = queries.new_empty(prompts, parts, rows, dim)
    on_basis = queries.new_empty(prompts, parts, rows, rank)
    with on(queries.device):
        _token_to_image[parts, prompts](
            keys, positions, values, queries.contiguous(), basis_scores.contiguous(), basis, scale,
            most, total, on_shared, on_basis,
            basis.stride(0), basis.stride(1), scale.stride(0), rank, count, tokens, part,
            HEADS=heads, DIM=dim, FILLED=filled, RANK=max(16, triton.next_power_of_2(rank)),
            TOKENS=_TOKENS, IS_FIRST=rank == 1, num_warps=_WARPS, num_stages=_STAGES,
        )  # fmt: skip

    share = (most - most.amax(1, keepdim=True)).exp()  # (m, parts, rows)
    share = (share / (share * total).sum(1, keepdim=True)).unsqueeze(-1)
    whole = [(share * one).sum(1).unflatten(1, (heads, filled)) for one in (on_shared, on_basis)]
    return whole[0][:, :, :count], whole[1][:, :, :count].flatten(1, 2)


@triton.jit
def _token_to_image(keys, positions, values, queries, basis_scores, basis, scale,
                    most, total, on_shared, on_basis,
                    basis_stride, row_stride, scale_stride, rank, count, tokens, part,
                    HEADS: tl.constexpr, DIM: tl.constexpr, FILLED: tl.constexpr, RANK: tl.constexpr,
                    TOKENS: tl.constexpr, IS_FIRST: tl.constexpr):  # fmt: skip
    """Attention of one prompt to one part of the image, `(part, prompt)`, by running sums over its tiles."""
    prompt = tl.program_id(1).to(tl.int64)
    rows: tl.constexpr = HEADS * FILLED
    channels: tl.constexpr = HEADS * DIM
    row, channel, vector = tl.arange(0, rows), tl.arange(0, channels), tl.arange(0, RANK)
    head, place = row // FILLED, row % FILLED
    is_own = (head[:, None] == (channel // DIM)[None]) & (place < count)[:, None]
    query = queries + ((prompt * HEADS + head) * count + place)[:, None] * DIM + (channel % DIM)[None]
    query = tl.load(query, mask=is_own, other=0.0)  # (rows, channels)
    is_vector = (vector < rank)[None]
    own = basis_scores + ((prompt * HEADS + head) * count + place)[:, None] * rank + vector[None]
    own = tl.load(own, mask=is_vector & (place < count)[:, None], other=0.0)  # (rows, R)
    basis += prompt * basis_stride
    scale += prompt * scale_stride

    top = tl.full((rows,), float("-inf"), tl.float32)
    weight = tl.zeros((rows,), tl.float32)
    of_shared = tl.zeros((rows, channels), tl.float32)
    of_basis = tl.zeros((rows, RANK), tl.float32)
    begin = tl.program_id(0) * part
    for start in range(begin, tl.minimum(begin + part, tokens), TOKENS):
        token = start + tl.arange(0, TOKENS)
        is_there = token < tokens
        once = tl.load(scale + token, mask=is_there, other=0.0)
        across = channel[:, None] * tokens + token[None]
        scores = tl.dot(query, tl.load(keys + across, mask=is_there[None], other=0.0)) * once[None]
        image = tl.load(
            basis + vector[:, None] * row_stride + token[None],
            mask=(vector < rank)[:, None] & is_there[None],
            other=0.0,
        )  # (R, tokens)
        if not IS_FIRST:
            scores = tl.dot(own, image, acc=scores)
            scores = tl.dot(query, tl.load(positions + across, mask=is_there[None], other=0.0), acc=scores)
        scores = tl.where(is_there[None], scores, float("-inf"))

        new_top = tl.maximum(top, tl.max(scores, axis=1))
        shrunk, scores = tl.exp(top - new_top), tl.exp(scores - new_top[:, None])
        weight = weight * shrunk + tl.sum(scores, axis=1)
        top = new_top
        value = values + (channel // DIM)[None] * tokens * DIM + token[:, None] * DIM + (channel % DIM)[None]
        value = tl.load(value, mask=is_there[:, None], other=0.0)  # (tokens, channels)
        of_shared = tl.dot(scores * once[None], value, acc=of_shared * shrunk[:, None])
        of_basis = tl.dot(scores, tl.trans(image), acc=of_basis * shrunk[:, None])

    out = (prompt * tl.num_programs(0) + tl.program_id(0)) * rows + row
    tl.store(most + out, top)
    tl.store(total + out, weight)
    tl.store(on_shared + out[:, None] * DIM + (channel % DIM)[None], of_shared,
             mask=head[:, None] == (channel // DIM)[None])  # fmt: skip
    tl.store(on_basis + out[:, None] * rank + vector[None], of_basis, mask=is_vector)
