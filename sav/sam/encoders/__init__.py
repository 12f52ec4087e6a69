"""SAM's image encoders, one file a kind: it says which checkpoints it fits, reads their sizes, and builds it.

A kind's file has

* `NAME`, as users know it;
* `FIRST_TENSOR`, the name by which its checkpoints are known;
* `PARTS`, how the names of the tensors that it needs begin, and how they begin in the module that we build;
* `LEFT`, which names belong to it, too, but are of no use here;
* `read(state)`, the `EncoderArchitecture` that the shapes of its encoder's tensors tell;
* `build(architecture, out_channels)`, the library's own module;
* `fits(module)`, whether a module is such an encoder;
* `Encoder(sam, precision)`, the `ImageEncoder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from sav.sam.conventions import Convention


@dataclass(frozen=True, eq=False)
class Features:
    """What an image encoder makes of pictures.

    Attributes:
        coarse: `(B, C, h, w)` float32.
        fine: SAM 2's details, `(B, C / 8, 4 h, 4 w)` and `(B, C / 4, 2 h, 2 w)` float32; else nothing.
    """

    coarse: Tensor
    fine: tuple[Tensor, ...] = ()

    def of_picture(self, place: int) -> Features:
        """Those of one picture, with B = 1."""
        one = slice(place, place + 1)
        return Features(self.coarse[one], tuple(level[one] for level in self.fine))


class EncoderArchitecture(Protocol):
    """The sizes of an image encoder, of which these are common to all."""

    @property
    def image_size(self) -> int:
        """Pixels along a side of the square that it sees."""

    @property
    def grid(self) -> int:
        """Cells along a side of the coarse features."""

    def check_plausible(self) -> None:
        """Refuse what no computer could run, however small its file is; ValueError says what."""


class ImageEncoder(Protocol):
    """What embeds pictures.

    Attributes:
        side: Pixels along a side of the square that it sees.
        prompt_side: Pixels along a side of the square in which prompts are given.
        convention: How pictures lie in these, and how prompts and masks are put.
    """

    side: int
    prompt_side: int
    convention: Convention

    def __call__(self, pixels: Tensor) -> Features:
        """Encode `(B, 3, side, side)` float32, as the convention makes them of pictures."""
        ...
