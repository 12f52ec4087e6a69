"""A library's own image encoder, as it is or in mixed precision: no speed code of ours is behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext

import torch
from segment_anything.modeling import Sam
from torch import Tensor

from sav.device import Precision
from sav.graphs import Graphs
from sav.sam.conventions import Convention
from sav.sam.encoders import Features

# Batches of each size are a graph: one picture, as many as a run takes at once, and what is left at its end.
_GRAPHS = 3


class MixedEncoder(ABC):
    """An `ImageEncoder` whose matrix products run in half precision where that is asked for.

    Unless all must be exact, the channels of a pixel lie side by side, as fast kernels have them. Together
    that takes two fifths of the processor's time (MobileSAM 1.1 of 2.9 s, SAM 2 tiny 1.5 of 3.9 s, with AMX).
    On CUDA their many small kernels are launched as one graph.
    """

    def __init__(self, sam: Sam, precision: Precision, convention: Convention) -> None:
        self._sam, self._dtype, self.convention = sam, precision.dtype, convention
        self.side, self.prompt_side = convention.side, convention.prompt_side
        self._is_exact = precision.is_exact
        self._layout = torch.contiguous_format if precision.is_exact else torch.channels_last
        self._graphs = Graphs(_GRAPHS)
        sam.image_encoder.to(memory_format=self._layout)

    def __call__(self, pixels: Tensor) -> Features:
        """See `ImageEncoder`."""
        coarse, *fine = self._levels(pixels) if self._is_exact else self._graphs(self._levels, pixels)
        return Features(coarse, tuple(fine))

    def _levels(self, pixels: Tensor) -> tuple[Tensor, ...]:
        pixels = pixels.contiguous(memory_format=self._layout)
        with torch.autocast(pixels.device.type, self._dtype) if self._is_mixed else nullcontext():
            features = self.encode(pixels)
        return tuple(level.float().contiguous() for level in (features.coarse, *features.fine))

    @property
    def _is_mixed(self) -> bool:
        return self._dtype != torch.float32

    @abstractmethod
    def encode(self, pixels: Tensor) -> Features:
        """Encode in whatever precision is on."""
