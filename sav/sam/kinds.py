"""The kinds of SAM that there are, told apart by the names of their tensors and never by a file's name."""

from __future__ import annotations

from types import ModuleType

from segment_anything.modeling import Sam

from sav.device import Precision
from sav.sam.encoders import ImageEncoder, hiera, tinyvit, vit
from sav.sam.shapes import StateDict

# Of modules, the last alone asks ultralytics what they are.
KINDS: tuple[ModuleType, ...] = (vit, hiera, tinyvit)


def kind_of(state: StateDict) -> ModuleType:
    """The kind that tensors are of, by their names; if by none, the first.

    See `sav.sam.encoders` for what is in its file.
    """
    return next((kind for kind in KINDS if kind.FIRST_TENSOR in state), KINDS[0])


def make_encoder(sam: Sam, precision: Precision) -> ImageEncoder:
    """What embeds pictures with the image encoder of `sam`."""
    kind = next(kind for kind in KINDS if kind.fits(sam.image_encoder))
    return kind.Encoder(sam, precision)
