"""Masks at the picture's size from SAM's small logits, by upstream's own interpolation, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sav.data.masks import Masks
from sav.data.types import BoolArray
from sav.sam.conventions import MASK_THRESHOLD, Convention


@dataclass(frozen=True)
class Stability:
    """Which masks hardly change when their threshold moves by `offset` up and down.

    Attributes:
        least: Smallest share of the larger mask that the smaller one must keep.
        offset: How far the threshold moves, in logits.
    """

    least: float
    offset: float

    def of_masks(self, enlarged: Tensor) -> Tensor:
        """Upstream's test of `(n, H, W)` logits at the picture's size, `(n,)` bool."""
        smaller, larger = (
            (enlarged > MASK_THRESHOLD + shift).sum((-2, -1), dtype=torch.int32)
            for shift in (self.offset, -self.offset)
        )
        return self.of_counts(smaller, larger)

    def of_counts(self, smaller: Tensor, larger: Tensor) -> Tensor:
        """Upstream's test of `(n,)` int32 pixels above the raised and the lowered threshold, `(n,)` bool."""
        return smaller / larger >= self.least


class Enlarger:
    """Thresholds the masks of one picture at its size, as many at once as memory is given for."""

    def __init__(
        self,
        convention: Convention,
        size_hw: tuple[int, int],
        chunk_bytes: int,
        channels: int = 1,
        *,
        is_exact: bool = True,
    ) -> None:
        """Prepare for the masks of a picture.

        Args:
            convention: Of the SAM whose masks they are.
            size_hw: Size of the picture.
            chunk_bytes: Bytes of enlarged logits that exist at once.
            channels: In how many planes upstream enlarges the masks of a prompt: on one thread PyTorch takes
                another routine for three than for any other number, and the two round differently.
            is_exact: Whether all pixels must be upstream's; else those that are quicker may let rounding
                decide about one.
        """
        self._is_exact = is_exact
        self._convention, self.size_hw, self._channels = convention, size_hw, channels
        mask_bytes = 4 * (convention.square**2 + size_hw[0] * size_hw[1])
        self._chunk_size = max(1, chunk_bytes // mask_bytes)

    def masks(self, logits: Tensor, stability: Stability | None = None) -> tuple[Masks, BoolArray]:
        """The masks that `(N, h, w)` logits describe, less the unstable ones, and which of the N they are."""
        parts, kept = [], [np.zeros(0, np.bool_)]
        for enlarged in self._enlarged(logits):
            keep = torch.ones(len(enlarged), dtype=torch.bool, device=enlarged.device)
            if stability is not None:
                keep = stability.of_masks(enlarged)
            parts.append(Masks.from_dense((enlarged[keep] > MASK_THRESHOLD).cpu().numpy()))
            kept.append(keep.cpu().numpy())
        return Masks.concatenate(self.size_hw, parts), np.concatenate(kept)

    def _enlarged(self, logits: Tensor) -> Iterator[Tensor]:
        """`(N, h, w)` logits at the picture's size, `(n, H, W)` a chunk at a time."""
        for chunk in logits.split(self._chunk_size) if len(logits) else ():
            padded = F.pad(chunk, (0, 0, 0, 0, 0, -len(chunk) % self._channels))
            planes = padded.unflatten(0, (-1, self._channels))  # (prompts, channels, h, w)
            enlarged = self._convention.enlarge(planes, self.size_hw)
            yield enlarged.flatten(0, 1)[: len(chunk)]
