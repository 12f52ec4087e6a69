"""What the encoder's Triton kernels compute, by PyTorch, in their place on a simulated GPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sav.sam.fast.kernels import Layout
from tests.sam.fast.cases import plain_attention


def attend(qkv: Tensor, layout: Layout, tables: tuple[Tensor, Tensor]) -> Tensor:
    """As `sav.sam.fast.kernels.attend`; the last token is what pads."""
    tokens = layout.size_bhw[0] * layout.size_bhw[1] * layout.size_bhw[2]
    if len(qkv) == tokens:
        qkv = torch.cat([qkv, qkv[:1]])
    one = Layout(layout.size_bhw, 1, layout.head_dim, layout.side)
    heads = qkv.unflatten(1, (3, layout.heads, -1)).unbind(2)
    return torch.cat([plain_attention(head.flatten(1), one, tables) for head in heads], 1)


def add_norm(
    stream: Tensor, branch: Tensor | None, norm: nn.LayerNorm, dtype: torch.dtype, spare: bool = False
) -> Tensor:
    """As `sav.sam.fast.kernels.add_norm`."""
    if branch is not None:
        stream += branch
    normed = F.layer_norm(stream, norm.normalized_shape, norm.weight, norm.bias, norm.eps).to(dtype)
    return F.pad(normed, (0, 0, 0, int(spare)))
