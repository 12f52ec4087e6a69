"""The encoder's attention and normalisation on an NVIDIA GPU, by kernels of our own, in half precision.

Contract: as `sav.sam.fast.encoder`'s, whose plain attention gives the same but for rounding.
Reference test: tests/sam/fast/test_kernels.py, against segment_anything's encoder and PyTorch's attention;
on a GPU tests/gpu/test_encoder.py.
Gain: 2.4, ViT-H in bfloat16 on an H200, batches of four: 11.3 ms a picture instead of 27.4, 68 % of the rate
of large products there (777 TFLOP/s); alone, 11.9 instead of 29.0. `torch.compile` without them: 17.2.
Products take 7.0 ms of it and attention 2.3: 42 us in a block of windows, 286 us in a global one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Channels of a head up to which a chunk of queries and its sums fit into registers.
_WIDEST_HEAD = 128
_KEYS = 64


@dataclass(frozen=True)
class Launch:
    """How a kernel is laid over the chip.

    Attributes:
        queries: Queries of a program.
        rows: Rows of keys that it takes at once.
        warps: Warps of a program.
        stages: Blocks of keys that are loaded ahead.
    """

    queries: int
    rows: int
    warps: int
    stages: int


def can_run(device: torch.device, dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernels are made for such a device, precision and head, and Triton is there."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16) or head_dim > _WIDEST_HEAD:
        return False
    if torch.cuda.get_device_capability(device) < (8, 0):
        return False
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return True


@dataclass(frozen=True)
class Layout:
    """How tokens, heads and windows lie.

    Attributes:
        size_bhw: Images, rows and columns of tokens.
        heads: Heads, whose channels lie side by side.
        head_dim: Channels of a head.
        side: Rows and columns of tokens in a window.
    """

    size_bhw: tuple[int, int, int]
    heads: int
    head_dim: int
    side: int

    @property
    def columns(self) -> int:
        """A power of two, in which a row of a window's keys lies."""
        return max(16, _power_of_two(self.side))

    @property
    def sizes(self) -> dict[str, int]:
        """What both kernels are compiled for; a head's channels come in products of powers of two."""
        main = max(16, _power_of_two(self.head_dim // 2 + 1))
        rest = max(16, _power_of_two(self.head_dim - main)) if self.head_dim > main else 0
        return {"DIM": self.head_dim, "MAIN": main, "REST": rest, "SIDE": self.side, "COLUMNS": self.columns}


def choose_launch(layout: Layout) -> Launch:
    """What is fast on a Hopper GPU: four programs fit on a multiprocessor, and hide each other's waits."""
    rows = max(1, _KEYS // layout.columns)
    return Launch(queries=64, rows=rows, warps=4, stages=2 if layout.columns < _KEYS else 3)


def attend(
    qkv: Tensor, layout: Layout, tables: tuple[Tensor, Tensor], launch: Launch | None = None
) -> Tensor:
    """Attention within windows of images that lie there token by token.

    Args:
        qkv: `(B * H * W, 3 * C)`, or with one token more, as which padding of windows is seen.
        layout: How these lie.
        tables: The position vectors for rows and for columns, `(side, side, C / heads)`, by a query's
            coordinate and a key's; all pairs that lie as far apart have the same.
        launch: Else what is fast.

    Returns:
        `(B * H * W, C)`.
    """
    from sav.sam.fast.attention_kernels import attention_kernel

    images, height, width = layout.size_bhw
    down, across = -(-height // layout.side), -(-width // layout.side)
    launch = launch or choose_launch(layout)
    positions = tables if launch.rows > 1 else (relative_positions(qkv, layout, tables),) * 2
    out = qkv.new_empty(images * height * width, layout.heads * layout.head_dim)
    grid = -(-(layout.side**2) // launch.queries), down * across, images * layout.heads
    attention_kernel[grid](
        qkv,
        *positions,
        out,
        height,
        width,
        across,
        layout.heads,
        len(qkv) - 1,
        layout.head_dim**-0.5 * math.log2(math.e),
        layout.head_dim**0.5,
        **layout.sizes,
        ROWS=launch.rows,
        QUERIES=launch.queries,
        num_warps=launch.warps,
        num_stages=launch.stages,
    )
    return out


def relative_positions(qkv: Tensor, layout: Layout, tables: tuple[Tensor, Tensor]) -> Tensor:
    """What a key's row and column add to a query's unscaled score, `(B * H * W, heads, 2, columns)`."""
    from sav.sam.fast.attention_kernels import positions_kernel

    images, height, width = layout.size_bhw
    positions = qkv.new_empty(images * height * width, layout.heads, 2, layout.columns)
    positions_kernel[height + width, layout.heads, images](
        qkv,
        *tables,
        positions,
        height,
        width,
        layout.heads,
        layout.head_dim**0.5,
        **layout.sizes,
        TOKENS=max(16, _power_of_two(max(height, width))),
        num_warps=4,
    )
    return positions


def add_norm(
    stream: Tensor, branch: Tensor | None, norm: nn.LayerNorm, dtype: torch.dtype, spare: bool = False
) -> Tensor:
    """Add a branch to `(tokens, C)` float32, in place, and normalise the sum into `dtype`.

    With `spare`, a token of zeros follows.
    """
    from sav.sam.fast.norm_kernels import add_norm_kernel

    tokens, channels = stream.shape
    out = stream.new_empty(tokens + spare, channels, dtype=dtype)
    add_norm_kernel[(len(out),)](
        stream,
        stream if branch is None else branch,
        norm.weight,
        norm.bias,
        out,
        tokens,
        channels,
        norm.eps,
        ADDS=branch is not None,
        CHANNELS=_power_of_two(channels),
        num_warps=4,
    )
    return out


def _power_of_two(number: int) -> int:
    """The least that is not smaller."""
    return 1 << (number - 1).bit_length()
