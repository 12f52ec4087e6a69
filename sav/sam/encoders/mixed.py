"""A library's own image encoder, as it is or in mixed precision: no speed code of ours is behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from segment_anything.modeling import Sam
from torch import Tensor

from sav.device import Precision
from sav.sam.conventions import Convention
from sav.sam.encoders import Features


class MixedEncoder(ABC):
    """An `ImageEncoder` whose matrix products run in half precision where that is asked for."""

    def __init__(self, sam: Sam, precision: Precision, convention: Convention) -> None:
        self._sam, self._dtype, self.convention = sam, precision.dtype, convention
        self.side, self.prompt_side = convention.side, convention.prompt_side

    def __call__(self, pixels: Tensor) -> Features:
        """See `ImageEncoder`."""
        if self._dtype == torch.float32:
            return self.encode(pixels)
        with torch.autocast(pixels.device.type, self._dtype):
            features = self.encode(pixels)
        return Features(features.coarse.float(), tuple(level.float() for level in features.fine))

    @abstractmethod
    def encode(self, pixels: Tensor) -> Features:
        """Encode in whatever precision is on."""
