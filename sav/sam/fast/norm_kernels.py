"""Adding a branch to the encoder's stream and normalising the sum, in one pass over memory, in Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_norm_kernel(
    stream,  # (tokens, channels) float32, to which the branch is added
    branch,  # (tokens, channels)
    weight,
    bias,
    out,  # (tokens, or one more of zeros, channels)
    tokens,
    channels,
    eps,
    ADDS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    """Layer normalisation of a token, after its branch was added."""
    token = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, CHANNELS)
    there = column < channels
    to = out + token * channels + column
    if token < tokens:
        at = token * channels + column
        x = tl.load(stream + at, mask=there, other=0.0).to(tl.float32)
        if ADDS:
            x += tl.load(branch + at, mask=there, other=0.0).to(tl.float32)
            tl.store(stream + at, x.to(stream.dtype.element_ty), mask=there)

        mean = tl.sum(x, 0) / channels
        apart = tl.where(there, x - mean, 0.0)
        spread = tl.sqrt(tl.sum(apart * apart, 0) / channels + eps)
        w = tl.load(weight + column, mask=there, other=0.0)
        b = tl.load(bias + column, mask=there, other=0.0)
        tl.store(to, (apart / spread * w + b).to(out.dtype.element_ty), mask=there)
    else:
        tl.store(to, tl.zeros([CHANNELS], out.dtype.element_ty), mask=there)
