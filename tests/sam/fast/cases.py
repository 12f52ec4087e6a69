"""The encoder's kernels, run by Triton's interpreter: `TRITON_INTERPRET=1 python -m tests.sam.fast.cases`.

It prints a line of JSON, how far each case is from segment_anything or from PyTorch, in shares of the spread.
"""

import json
from dataclasses import replace

import torch
from torch.nn import functional as F

from sav.sam.fast import kernels
from sav.sam.fast.encoder import FastEncoder
from tests.conftest import TINY, random_sam

# A grid of four patches, which windows of three do not divide, and a block that looks at all of it.
SMALL = replace(TINY, image_size=64, window_size=3, depth=2, global_blocks=(1,))
ENCODERS = {
    "heads of 80": replace(SMALL, embed_dim=160),
    "heads of 64": replace(SMALL, embed_dim=128),
    "heads of 32": SMALL,
    "heads of 16": replace(SMALL, embed_dim=32),
    "heads of 24": replace(SMALL, embed_dim=48),
    "no biases": replace(SMALL, depth=1, global_blocks=(), qkv_bias=False),
    "windows that fit": replace(SMALL, depth=1, window_size=2, global_blocks=()),
}
# Sizes of windows and rows of keys in a block, of images with rows and columns unlike.
ATTENTION = {
    "a row of keys at a time": (4, 1),
    "two rows": (4, 2),
    "rows of 32": (18, 2),
    "all keys at once": (14, 16),
}
# The interpreter knows bfloat16, but not how to multiply it.
ROUNDINGS = {torch.bfloat16: 0.005, torch.float16: 0.0005}


def main() -> None:
    torch.set_num_threads(1)
    with torch.inference_mode():
        found = {name: _encoded(architecture) for name, architecture in ENCODERS.items()}
        found |= {name: _attended(*sizes) for name, sizes in ATTENTION.items()}
        found |= {str(dtype): _normalised(dtype) for dtype in ROUNDINGS}
    print(json.dumps(found))


def _normalised(dtype) -> float:
    """Five tokens of 48 channels, to which a branch is added, and one of zeros."""
    norm = torch.nn.LayerNorm(48)
    norm.load_state_dict({name: torch.randn(48) for name in ("weight", "bias")})
    stream, branch = torch.randn(5, 48), torch.randn(5, 48).to(dtype)
    wanted = F.pad(norm(stream + branch), (0, 0, 0, 1))
    return apart(kernels.add_norm(stream, branch, norm, dtype, spare=True), wanted)


def _encoded(architecture) -> float:
    encoder = random_sam(architecture, spread=0.1).image_encoder
    pixels = torch.randn(2, 3, architecture.image_size, architecture.image_size)
    return apart(FastEncoder(encoder, torch.float16).with_kernels(pixels), encoder(pixels))


def _attended(side: int, rows: int) -> float:
    """Attention in float32, two images of 5 rows and 9 columns, one head."""
    layout = kernels.Layout((2, 5, 9), 1, 16, side)
    qkv = torch.randn(2 * 5 * 9 + 1, 3 * 16)
    tables = random_tables(side, 16)
    launch = kernels.Launch(queries=64, rows=rows, warps=4, stages=1)
    return apart(kernels.attend(qkv, layout, tables, launch), plain_attention(qkv, layout, tables))


def random_tables(side, dim):
    """Position vectors for rows and for columns, the same for all pairs that lie as far apart."""
    distance = torch.arange(side)[:, None] - torch.arange(side) + side - 1
    return tuple(torch.randn(2 * side - 1, dim)[distance] for _ in range(2))


def plain_attention(qkv, layout, tables):
    """`kernels.attend` by PyTorch, for one head."""
    images, height, width = layout.size_bhw
    side, down, across = layout.side, -(-height // layout.side), -(-width // layout.side)
    padded = qkv[-1].expand(images, down * side, across * side, -1).clone()
    padded[:, :height, :width] = qkv[:-1].view(images, height, width, -1)
    windows = padded.view(images, down, side, across, side, 3, -1).permute(5, 0, 1, 3, 2, 4, 6)

    q, k, v = windows  # (images, down, across, rows, columns, channels)
    by_row = torch.einsum("bxyhwc,hkc->bxyhwk", q, tables[0])[..., None]
    by_column = torch.einsum("bxyhwc,wkc->bxyhwk", q, tables[1])[..., None, :]
    bias = (by_row + by_column).flatten(5).flatten(3, 4)
    out = F.scaled_dot_product_attention(*(part.flatten(3, 4) for part in (q, k, v)), attn_mask=bias)
    out = out.unflatten(3, (side, side)).transpose(2, 3).reshape(images, down * side, across * side, -1)
    return out[:, :height, :width].flatten(0, 2)


def apart(found, wanted) -> float:
    """The spread of the difference as a share of what is wanted."""
    return ((found.float() - wanted).std() / wanted.std()).item()


if __name__ == "__main__":
    main()
