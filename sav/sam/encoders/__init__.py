"""SAM's image encoders, one file a kind: it says which checkpoints it fits, reads their sizes, and builds it.

A kind's file has `FIRST_TENSOR`, the name by which its checkpoints are known; `read(state)`, the sizes that
the shapes of their tensors tell; `build(sizes, out_channels)`, segment_anything's own module of these sizes;
and an `ImageEncoder`.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class ImageEncoder(Protocol):
    """What embeds pictures.

    Attributes:
        side: Pixels along a side of the square that it sees.
        prompt_side: Pixels along a side of the square in which prompts are given.
    """

    side: int
    prompt_side: int

    def __call__(self, pixels: Tensor) -> Tensor:
        """Encode `(B, 3, side, side)` float32, normalised and padded, to features `(B, C, h, w)` float32."""
        ...
