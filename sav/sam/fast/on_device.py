"""Masks from SAM's small logits to packed bits on the device where the logits are: only those come down.

Enlarged twice: once to measure, once those that are wanted, to pack; nothing of the picture's size is kept.

Contract: where exact, the same to the last pixel as `sav.sam.enlarge.Enlarger`'s; else all but those whose
logit is within float32's rounding of a threshold, by Triton kernels, where there are CUDA and Triton.
Reference test: tests/sam/fast/test_on_device.py, against `Enlarger` and `Masks.from_dense`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.data.masks import Masks
from sav.data.types import BoolArray, IntArray
from sav.sam.conventions import MASK_THRESHOLD
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.fast.attempts import Attempts
from sav.sam.fast.enlarge import axes

# Bytes of packed masks for whose pixels there are indices at once: 8 pixels a byte, 8 bytes an index.
_CHUNK_BYTES = 2**22
_attempts = Attempts("masks are enlarged")
Result = TypeVar("Result")


class Measured(NamedTuple):
    """What is known of enlarged masks, on their device.

    Attributes:
        boxes_xyxy: `(N, 4)` int32, tight, right and bottom exclusive; 0 of an empty mask.
        kept: `(N,)` bool, which are stable.
    """

    boxes_xyxy: Tensor
    kept: Tensor


class DeviceEnlarger(Enlarger):
    """Measures and packs the masks of one picture at its size, on the device."""

    def masks(self, logits: Tensor, stability: Stability | None = None) -> tuple[Masks, BoolArray]:
        """The masks that `(N, h, w)` logits describe, less the unstable ones, and which of the N they are."""
        measured = self.measured(logits, stability)
        if stability is None:
            return self.packed(logits, measured.boxes_xyxy), np.ones(len(logits), np.bool_)
        (chosen,) = measured.kept.nonzero(as_tuple=True)
        return self.packed(logits[chosen], measured.boxes_xyxy[chosen]), measured.kept.cpu().numpy()

    def measured(self, logits: Tensor, stability: Stability | None = None) -> Measured:
        """Boxes of the masks that `(N, h, w)` logits describe, and which masks are stable."""
        return self._by_kernel(_measured_by_kernel, logits, stability) or self._measured(logits, stability)

    def _measured(self, logits: Tensor, stability: Stability | None) -> Measured:
        boxes = torch.zeros(len(logits), 4, dtype=torch.int32, device=logits.device)
        kept = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        start = 0
        for enlarged in self._enlarged(logits):
            chunk = slice(start, start + len(enlarged))
            boxes[chunk] = tight_boxes(enlarged > MASK_THRESHOLD)
            if stability is not None:
                kept[chunk] = stability.of_masks(enlarged)
            start = chunk.stop
        return Measured(boxes, kept)

    def packed(self, logits: Tensor, boxes_xyxy: Tensor) -> Masks:
        """The masks of `(N, h, w)` logits, given their tight boxes, `(N, 4)` int32."""
        (masks,) = packed_together([self], [logits], [boxes_xyxy])
        return masks

    def bits(self, logits: Tensor, boxes_xyxy: Tensor, sizes: IntArray) -> Tensor:
        """The same on the device, `(B,)` uint8; `sizes`, `(N,)`, is how many bytes each mask has."""
        packed = self._by_kernel(_packed_by_kernel, logits, boxes_xyxy, sizes)
        return self._packed(logits, boxes_xyxy, sizes) if packed is None else packed

    def _packed(self, logits: Tensor, boxes_xyxy: Tensor, sizes: IntArray) -> Tensor:
        parts, start = [torch.empty(0, dtype=torch.uint8, device=logits.device)], 0
        for enlarged in self._enlarged(logits):
            chunk = slice(start, start + len(enlarged))
            parts.append(pack(enlarged > MASK_THRESHOLD, boxes_xyxy[chunk], sizes[chunk]))
            start = chunk.stop
        return torch.cat(parts)

    def _by_kernel(self, launch: Callable[..., Result], logits: Tensor, *arguments: Any) -> Result | None:
        """What a function that launches Triton kernels returns; None where they cannot or may not be used."""
        if self._is_exact or not len(logits):
            return None
        logits_hw = logits.shape[1], logits.shape[2]
        sizes = logits_hw, self._convention.square, self._convention.input_hw(self.size_hw), self.size_hw
        return _attempts(logits.device, lambda: launch(logits, _taps(*sizes, logits.device), *arguments))


def masks_together(enlargers: Sequence[DeviceEnlarger], logits: Sequence[Tensor]) -> list[Masks]:
    """The masks that `(N, h, w)` logits of each of some pictures describe, waited for all at once."""
    pairs = zip(enlargers, logits, strict=True)
    return packed_together(enlargers, logits, [enlarger.measured(one).boxes_xyxy for enlarger, one in pairs])


def packed_together(
    enlargers: Sequence[DeviceEnlarger], logits: Sequence[Tensor], boxes_xyxy: Sequence[Tensor]
) -> list[Masks]:
    """The same, given tight boxes, `(N, 4)` int32 each."""
    boxes = np.split(
        torch.cat([*boxes_xyxy]).cpu().numpy().astype(np.int64), np.cumsum([*map(len, logits)])[:-1]
    )
    sizes = [((one[:, 2:] - one[:, :2]).prod(axis=1) + 7) // 8 for one in boxes]
    given = zip(enlargers, logits, boxes_xyxy, sizes, strict=True)
    bits = brought_down(torch.cat([enlarger.bits(*one) for enlarger, *one in given]))
    parts = np.split(bits, np.cumsum([one.sum() for one in sizes])[:-1])
    sizes_hw = [enlarger.size_hw for enlarger in enlargers]
    return [Masks(*one) for one in zip(sizes_hw, boxes, parts, strict=True)]


def tight_boxes(dense: Tensor) -> Tensor:
    """Boxes `(N, 4)` int32 around the masks of a `(N, H, W)` bool stack; see `sav.data.crops.tight_boxes`."""
    left, right = _first_and_last(dense.any(1))
    top, bottom = _first_and_last(dense.any(2))
    return torch.stack([left, top, right, bottom], dim=1)


def _first_and_last(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First True and one past the last True in each row of `(N, L)`; 0 and 0 where there is none."""
    places = torch.arange(1, occupied.shape[1] + 1, dtype=torch.int32, device=occupied.device)
    last = (places * occupied).amax(1)
    first = torch.where(occupied, places - 1, occupied.shape[1]).amin(1)
    return first * last.sign(), last


def pack(dense: Tensor, boxes_xyxy: Tensor, sizes: IntArray) -> Tensor:
    """The bits of a `(N, H, W)` bool stack inside boxes `(N, 4)`, mask by mask, as `Masks` has them.

    `sizes`, `(N,)`, is how many bytes each has.
    """
    ends = np.cumsum(sizes)
    parts = [torch.empty(0, dtype=torch.uint8, device=dense.device)]
    begins = torch.from_numpy(ends - sizes).to(dense.device)
    for first in range(0, int(sizes.sum()), _CHUNK_BYTES):
        byte = torch.arange(first, min(first + _CHUNK_BYTES, int(ends[-1])), device=dense.device)
        parts.append(_bytes(dense, boxes_xyxy.long(), begins, byte))
    return torch.cat(parts)


def _bytes(dense: Tensor, boxes_xyxy: Tensor, begins: Tensor, byte: Tensor) -> Tensor:
    """Some bytes `(B,)` of all, each made of the eight pixels that follow each other in its mask's box."""
    mask = torch.searchsorted(begins, byte, right=True) - 1
    x0, y0, x1, y1 = boxes_xyxy[mask].T[..., None]  # (B, 1) each
    width = x1 - x0
    bit = torch.arange(8, device=dense.device)
    pixel = 8 * (byte - begins[mask])[:, None] + bit  # (B, 8)
    is_there = pixel < width * (y1 - y0)

    row = pixel // width
    column = pixel - row * width
    place = ((mask[:, None] * dense.shape[1] + y0 + row) * dense.shape[2] + x0 + column).where(is_there, 0)
    return (dense.flatten()[place] & is_there).byte().mul_(128 >> bit).sum(1, dtype=torch.uint8)


def brought_down(packed: Tensor) -> NDArray[np.uint8]:
    """Bytes of a device as an array; through pinned memory, and from there with all threads."""
    if packed.device.type != "cuda":
        return packed.cpu().numpy()
    pinned = torch.empty(packed.shape, dtype=torch.uint8, pin_memory=True)
    pinned.copy_(packed)
    array = np.empty(packed.shape, np.uint8)
    torch.from_numpy(array).copy_(pinned)
    return array


@lru_cache(maxsize=16)
def _taps(
    logits_hw: tuple[int, int],
    square: int,
    input_hw: tuple[int, int],
    size_hw: tuple[int, int],
    device: torch.device,
) -> tuple[Any, Any]:
    from sav.sam.fast.mask_kernels import Taps

    return Taps.of_both(*axes(logits_hw, square, input_hw, size_hw, 1, torch.get_num_threads()), device)


def _measured_by_kernel(logits: Tensor, taps: Any, stability: Stability | None) -> Measured:
    from sav.sam.fast import mask_kernels

    offset = stability.offset if stability is not None else 0.0
    boxes, counts = mask_kernels.measured(logits, taps, MASK_THRESHOLD, offset)
    if stability is None:
        return Measured(boxes, torch.ones(len(logits), dtype=torch.bool, device=logits.device))
    return Measured(boxes, stability.of_counts(*counts.unbind(1)))


def _packed_by_kernel(logits: Tensor, taps: Any, boxes_xyxy: Tensor, sizes: IntArray) -> Tensor:
    from sav.sam.fast import mask_kernels

    return mask_kernels.pack(logits, boxes_xyxy, sizes, taps, MASK_THRESHOLD)
