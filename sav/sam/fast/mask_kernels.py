"""Triton kernels that measure and pack enlarged masks without ever writing an enlarged logit.

A pixel's logit is a weighted sum of a few logits along either axis. Where none of those under a tile of the
picture is above the lowest threshold, no pixel in it is, and the tile is left. See `sav.sam.fast.on_device`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor

from sav.data.types import IntArray
from sav.sam.fast.enlarge import Axis

_TILE_HW = (32, 64)
# The largest part of a mask's logits that a tile looks at before it makes its pixels.
_LARGEST_PATCH = 4096
# Pictures of most sizes have patches no larger: one kernel does for all of them.
_LEAST_PATCH = 16
# Bytes that a program of `_pack` makes at once, and how many programs a mask has at the most.
_BYTES, _PROGRAMS = 64, 64


class Taps(NamedTuple):
    """Which logits each row, or column, of a picture is a sum of.

    Attributes:
        first: `(L,)` int32, the first of K logits that follow each other.
        weights: `(K, L)` float32.
        patch: The most logits that a tile's rows, or columns, are made of, or a power of two above that.
    """

    first: Tensor
    weights: Tensor
    patch: int

    @classmethod
    def of(cls, axis: Axis, tile: int, device: torch.device) -> Taps:
        """The logits that have a weight in an axis, or lie beside these."""
        length, count = axis.weights.shape
        taps = int((axis.last - axis.first).max()) + 1
        first = np.minimum(axis.first, count - taps)
        sources = first + np.arange(taps)[:, None]
        weights = axis.weights.numpy()[np.arange(length), sources]

        begins = np.arange(0, length, tile)
        ends = np.minimum(begins + tile, length) - 1
        span = int((first[ends] - first[begins]).max()) + taps
        return cls(
            torch.from_numpy(first.astype(np.int32)).to(device),
            torch.from_numpy(weights).to(device),
            max(_LEAST_PATCH, 1 << (span - 1).bit_length()),
        )

    @classmethod
    def of_both(cls, down: Axis, over: Axis, device: torch.device) -> tuple[Taps, Taps]:
        """Those of rows and of columns."""
        tiles = zip((down, over), _TILE_HW, strict=True)
        rows, columns = (cls.of(axis, tile, device) for axis, tile in tiles)
        return rows, columns


def measured(
    logits: Tensor, taps: tuple[Taps, Taps], threshold: float, offset: float
) -> tuple[Tensor, Tensor]:
    """Boxes `(N, 4)` int32 of masks `(N, h, w)` at the picture's size, and pixels `(N, 2)` int32.

    Those are the pixels above the raised threshold and above the lowered one.
    """
    down, over = taps
    height, width = len(down.first), len(over.first)
    boxes = torch.zeros(len(logits), 4, dtype=torch.int32, device=logits.device)
    boxes[:, :2] = max(height, width)
    counts = torch.zeros(len(logits), 2, dtype=torch.int32, device=logits.device)
    sees_patch = down.patch * over.patch <= _LARGEST_PATCH

    grid = -(-width // _TILE_HW[1]), -(-height // _TILE_HW[0]), len(logits)
    with on(logits.device):
        _measure[grid](
            logits, boxes, counts, down.first, down.weights, over.first, over.weights,
            logits.stride(0), logits.stride(1), logits.shape[1], logits.shape[2], height, width,
            threshold, offset,
            DOWN=len(down.weights), OVER=len(over.weights), TILE_H=_TILE_HW[0], TILE_W=_TILE_HW[1],
            PATCH_H=down.patch if sees_patch else 0, PATCH_W=over.patch if sees_patch else 0,
        )  # fmt: skip
    boxes[:, :2] *= boxes[:, 2:].sign()  # nothing is in an empty one
    return boxes, counts


def pack(
    logits: Tensor, boxes_xyxy: Tensor, sizes: IntArray, taps: tuple[Taps, Taps], threshold: float
) -> Tensor:
    """The bits of masks `(N, h, w)` at the picture's size inside their boxes `(N, 4)` int32.

    `sizes`, `(N,)`, is how many bytes each has.
    """
    down, over = taps
    ends = np.cumsum(sizes)
    packed = torch.empty(int(ends[-1]), dtype=torch.uint8, device=logits.device)
    offsets = torch.from_numpy(ends - sizes).to(logits.device, non_blocking=True)
    programs = min(_PROGRAMS, max(1, -(-int(sizes.max()) // _BYTES)))
    with on(logits.device):
        _pack[programs, len(logits)](
            logits, packed, boxes_xyxy.contiguous(), offsets,
            down.first, down.weights, over.first, over.weights,
            logits.stride(0), logits.stride(1), len(down.first), len(over.first), threshold,
            DOWN=len(down.weights), OVER=len(over.weights), BYTES=_BYTES,
        )  # fmt: skip
    return packed


def on(device: torch.device) -> AbstractContextManager[None]:
    """Triton launches on the current device, whichever the tensors are on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


@triton.jit
def _value(logits, row_stride, y, x, down_first, down_weights, over_first, over_weights, height, width,
           DOWN: tl.constexpr, OVER: tl.constexpr):  # fmt: skip
    """Logits of one mask at pixels `y`, `x` of a picture of that height and width."""
    row, column = tl.load(down_first + y), tl.load(over_first + x)
    value = tl.zeros_like(row + column).to(tl.float32)
    for i in tl.static_range(DOWN):
        across = tl.zeros_like(row + column).to(tl.float32)
        for j in tl.static_range(OVER):
            weight = tl.load(over_weights + j * width + x)
            across += weight * tl.load(logits + (row + i) * row_stride + column + j)
        value += tl.load(down_weights + i * height + y) * across
    return value


@triton.jit(do_not_specialize=["rows", "columns", "height", "width"])
def _measure(logits, boxes, counts, down_first, down_weights, over_first, over_weights,
            mask_stride, row_stride, rows, columns, height, width, threshold, offset,
            DOWN: tl.constexpr, OVER: tl.constexpr, TILE_H: tl.constexpr, TILE_W: tl.constexpr,
            PATCH_H: tl.constexpr, PATCH_W: tl.constexpr):  # fmt: skip
    """Lower and raise each mask's box `(4,)` to hold a tile's pixels, and add its two counts for stability.

    A program has one tile of one mask, `(tile along x, tile along y, mask)`.
    """
    mask = tl.program_id(2).to(tl.int64)
    logits += mask * mask_stride
    top, left = tl.program_id(1) * TILE_H, tl.program_id(0) * TILE_W
    y = tl.minimum(top + tl.arange(0, TILE_H), height - 1)[:, None]
    x = tl.minimum(left + tl.arange(0, TILE_W), width - 1)[None]

    if PATCH_H > 0:
        row = tl.load(down_first + top) + tl.arange(0, PATCH_H)[:, None]
        column = tl.load(over_first + left) + tl.arange(0, PATCH_W)[None]
        here = (row < rows) & (column < columns)
        patch = tl.load(logits + row * row_stride + column, mask=here, other=float("-inf"))
        is_near = tl.max(patch) > threshold - offset
    else:
        is_near = True

    if is_near:
        value = _value(logits, row_stride, y, x, down_first, down_weights, over_first, over_weights,
                       height, width, DOWN, OVER)  # fmt: skip
        inside = (top + tl.arange(0, TILE_H) < height)[:, None] & (left + tl.arange(0, TILE_W) < width)[None]
        value = tl.where(inside, value, float("-inf"))
        larger = tl.sum((value > threshold - offset).to(tl.int32))
        if larger > 0:
            smaller = tl.sum((value > threshold + offset).to(tl.int32))
            tl.atomic_add(counts + 2 * mask, smaller)
            tl.atomic_add(counts + 2 * mask + 1, larger)
            is_in = value > threshold
            if tl.max(is_in.to(tl.int32)) > 0:
                tl.atomic_min(boxes + 4 * mask, tl.min(tl.where(is_in, x, width)))
                tl.atomic_min(boxes + 4 * mask + 1, tl.min(tl.where(is_in, y, height)))
                tl.atomic_max(boxes + 4 * mask + 2, tl.max(tl.where(is_in, x + 1, 0)))
                tl.atomic_max(boxes + 4 * mask + 3, tl.max(tl.where(is_in, y + 1, 0)))


@triton.jit(do_not_specialize=["height", "width"])
def _pack(logits, packed, boxes, offsets, down_first, down_weights, over_first, over_weights,
         mask_stride, row_stride, height, width, threshold,
         DOWN: tl.constexpr, OVER: tl.constexpr, BYTES: tl.constexpr):  # fmt: skip
    """Write the bytes of each mask's box, from `offsets` on, the first pixel in the highest bit.

    Programs share the bytes of one mask, `(program, mask)`.
    """
    mask = tl.program_id(1).to(tl.int64)
    logits += mask * mask_stride
    x0, y0 = tl.load(boxes + 4 * mask), tl.load(boxes + 4 * mask + 1)
    x1, y1 = tl.load(boxes + 4 * mask + 2), tl.load(boxes + 4 * mask + 3)
    begin = tl.load(offsets + mask)
    across = x1 - x0
    area = across * (y1 - y0)
    size = (area + 7) // 8

    bit = tl.arange(0, 8)[None]
    for first in range(tl.program_id(0) * BYTES, size, tl.num_programs(0) * BYTES):
        byte = first + tl.arange(0, BYTES)
        pixel = byte[:, None] * 8 + bit
        is_there = pixel < area
        pixel = tl.where(is_there, pixel, 0)
        row = pixel // across
        value = _value(logits, row_stride, y0 + row, x0 + pixel - row * across, down_first, down_weights,
                       over_first, over_weights, height, width, DOWN, OVER)  # fmt: skip
        bits = tl.where(is_there & (value > threshold), 128 >> bit, 0)
        tl.store(packed + begin + byte, tl.sum(bits, axis=1).to(tl.uint8), mask=byte < size)
