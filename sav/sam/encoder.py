"""SAM's image encoder in half precision: the arithmetic of segment_anything's, laid out for fast kernels.

The encoder is the ViT of Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection"
(arXiv 2203.16527), with decomposed relative positions: a query's score for a key gets the query's product
with one vector for their distance in rows and one for their distance in columns. Upstream adds these to the
whole score matrix in float32. Here they are a bias of `scaled_dot_product_attention`, from tables that are
gathered once, and the linear layers skip the patches that only pad the windows.
"""

from __future__ import annotations

import torch
from segment_anything.modeling import ImageEncoderViT
from segment_anything.modeling.image_encoder import Block
from torch import Tensor, nn
from torch.nn import functional as F

# Bytes of attention bias that exist at once: a few heads of a CPU's, all heads of a GPU's global attention.
_BIAS_BYTES = {"cpu": 64 * 2**20, "cuda": 4 * 2**30}


class HalfEncoder(nn.Module):
    """An `ImageEncoderViT` whose matrix products run in `dtype`; the sums between blocks stay in float32."""

    def __init__(self, encoder: ImageEncoderViT, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.img_size = encoder.img_size
        self._dtype = dtype
        self._patch_embed = encoder.patch_embed.proj
        self._positions = encoder.pos_embed
        self._neck = encoder.neck
        grid = encoder.pos_embed.shape[1]
        self._blocks = nn.ModuleList(_HalfBlock(block, grid, dtype) for block in encoder.blocks)

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode `(B, 3, S, S)` float32, normalised and padded, to `(B, C, S / 16, S / 16)` float32."""
        x = self._patch_embed(pixels).permute(0, 2, 3, 1) + self._positions
        for block in self._blocks:
            x = block(x)
        return self._neck(x.permute(0, 3, 1, 2))


class _HalfBlock(nn.Module):
    """One transformer block, over windows or over the whole picture."""

    def __init__(self, block: Block, grid: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.window = block.window_size or grid
        self.heads = block.attn.num_heads
        self.norm1, self.norm2 = block.norm1, block.norm2
        self.qkv, self.proj = _linear(block.attn.qkv, dtype), _linear(block.attn.proj, dtype)
        self.widen, self.narrow = _linear(block.mlp.lin1, dtype), _linear(block.mlp.lin2, dtype)
        self.register_buffer("rows", _gathered(block.attn.rel_pos_h, self.window).to(dtype), persistent=False)
        self.register_buffer(
            "columns", _gathered(block.attn.rel_pos_w, self.window).to(dtype), persistent=False
        )
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Map `(B, H, W, C)` float32 to the same."""
        x = x + self._attend(self.qkv(self.norm1(x).to(self.dtype)))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x).to(self.dtype))))

    def _attend(self, qkv: Tensor) -> Tensor:
        """Attention within windows: `(B, H, W, 3 C)` to `(B, H, W, C)`."""
        batch, height, width, _ = qkv.shape
        side = self.window
        across, down = -(-width // side), -(-height // side)
        if (down * side, across * side) != (height, width):
            qkv = self._padded(qkv, down * side, across * side)
        windows = qkv.view(batch, down, side, across, side, 3, self.heads, -1)
        # (3, windows, heads, tokens, dim)
        q, k, v = windows.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(
            3, batch * down * across, self.heads, side * side, -1
        )
        out = self._attention(q, k, v).view(batch, down, across, self.heads, side, side, -1)
        merged = out.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, down * side, across * side, -1)
        return self.proj(merged[:, :height, :width])

    def _padded(self, qkv: Tensor, height: int, width: int) -> Tensor:
        """Queries, keys and values with those of the padding, which is zero and so has the bias alone."""
        filler = qkv.new_zeros(qkv.shape[-1]) if self.qkv.bias is None else self.qkv.bias
        padded = filler.expand(len(qkv), height, width, -1).clone()
        padded[:, : qkv.shape[1], : qkv.shape[2]] = qkv
        return padded

    def _attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attention of `(windows, heads, tokens, dim)` with relative positions, a few heads at a time."""
        bytes_each = q.element_size() * len(q) * q.shape[2] ** 2
        at_once = max(1, _BIAS_BYTES.get(q.device.type, 2**30) // bytes_each)
        parts = [
            F.scaled_dot_product_attention(some_q, some_k, some_v, attn_mask=self._bias(some_q))
            for some_q, some_k, some_v in zip(*(t.split(at_once, dim=1) for t in (q, k, v)), strict=True)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _bias(self, q: Tensor) -> Tensor:
        """What relative positions add to the scores: `(windows, heads, tokens, tokens)`."""
        side = self.window
        grid = q.unflatten(2, (side, side))  # (windows, heads, rows, columns, dim)
        by_row = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rows)
        by_column = torch.einsum("bnhwc,wkc->bnhwk", grid, self.columns)
        return (by_row[..., :, None] + by_column[..., None, :]).flatten(4).flatten(2, 3)


def _linear(layer: nn.Linear, dtype: torch.dtype) -> nn.Linear:
    """A copy of a linear layer in `dtype`."""
    copy = nn.Linear(layer.in_features, layer.out_features, layer.bias is not None, dtype=dtype)
    copy.load_state_dict({name: tensor.to(dtype) for name, tensor in layer.state_dict().items()})
    return copy.to(layer.weight.device).requires_grad_(False)


def _gathered(table: Tensor, side: int) -> Tensor:
    """The position vector for each pair of a query's and a key's coordinate, `(side, side, dim)`."""
    coordinates = torch.arange(side, device=table.device)
    return table.detach()[coordinates[:, None] - coordinates + side - 1]
