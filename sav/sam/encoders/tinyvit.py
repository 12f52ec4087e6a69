"""MobileSAM's TinyViT, as ultralytics ships it: a small encoder behind which all else is SAM's.

Zhang et al., "Faster Segment Anything: Towards Lightweight SAM for Mobile Applications" (arXiv 2306.14289).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from segment_anything.modeling import Sam
from torch import Tensor, nn

from sav.detectors.door import import_sam_modules
from sav.device import Precision
from sav.sam.conventions import FirstConvention
from sav.sam.encoders import Features
from sav.sam.encoders.mixed import MixedEncoder
from sav.sam.shapes import StateDict, count_layers

NAME = "MobileSAM"
FIRST_TENSOR = "image_encoder.patch_embed.seq.0.c.weight"
PARTS = {part: part for part in ("image_encoder.", "prompt_encoder.", "mask_decoder.")}
# The classifier that it was trained as, and what can be counted again.
LEFT = re.compile(r"image_encoder\.(norm_head\.|head\.|.*\.(num_batches_tracked|attention_bias_idxs)$)")
# TinyViT has no position table, so its shapes fit pictures of any size; this is what it was trained for.
IMAGE_SIZE, PATCH_SIZE = 1024, 16
STAGES = 4
# Patches that fit into a window in the last stage but one; each is compared with each when it is built.
_LARGEST_WINDOW = 32


@dataclass(frozen=True)
class TinyVitArchitecture:
    """What the constructor of `TinyViT` asks for, a number for each of four stages.

    The first stage has convolutions alone, and neither heads nor windows.
    """

    embed_dims: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    window_sizes: tuple[int, ...]
    mlp_ratio: float
    image_size: int

    @property
    def grid(self) -> int:
        """Patches along a side of the image."""
        return self.image_size // PATCH_SIZE

    def check_plausible(self) -> None:
        """Refuse what takes for ever to be built.

        Raises:
            ValueError: If a window is larger than those of any TinyViT.
        """
        if max(self.window_sizes) > _LARGEST_WINDOW:
            raise ValueError(f"windows of {max(self.window_sizes)} patches are too large")


def read(state: StateDict) -> TinyVitArchitecture:
    """Infer the architecture from the shapes of a MobileSAM's tensors.

    Raises:
        KeyError, IndexError, ValueError, ZeroDivisionError: If they are not those of a TinyViT.
    """
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    layer = "image_encoder.layers.{}.blocks.0.{}"
    biases = [shape[layer.format(stage, "attn.attention_biases")] for stage in range(1, STAGES)]
    dims = [shape[layer.format(stage, "attn.norm.weight")][0] for stage in range(1, STAGES)]
    return TinyVitArchitecture(
        embed_dims=(shape[layer.format(0, "conv1.c.weight")][1], *dims),
        depths=tuple(_depth(state, stage) for stage in range(STAGES)),
        heads=(1, *(heads for heads, _ in biases)),
        window_sizes=(1, *(math.isqrt(distances) for _, distances in biases)),
        mlp_ratio=shape[layer.format(1, "mlp.fc1.weight")][0] / dims[0],
        image_size=IMAGE_SIZE,
    )


def _depth(state: StateDict, stage: int) -> int:
    block = r"conv1\.c" if stage == 0 else r"attn\.norm"
    return count_layers(state, rf"image_encoder\.layers\.{stage}\.blocks\.(\d+)\.{block}\.weight")


def build(architecture: TinyVitArchitecture, out_channels: int) -> nn.Module:
    """ultralytics' own module of these sizes, with fresh random weights, less its classifier."""
    encoder = import_sam_modules().TinyViT(
        img_size=architecture.image_size,
        embed_dims=architecture.embed_dims,
        depths=architecture.depths,
        num_heads=architecture.heads,
        window_sizes=architecture.window_sizes,
        mlp_ratio=architecture.mlp_ratio,
        drop_path_rate=0.0,
    )
    encoder.norm_head = encoder.head = nn.Identity()
    return encoder


def fits(module: nn.Module) -> bool:
    """Whether a module is such an encoder."""
    return isinstance(module, import_sam_modules().TinyViT)


class Encoder(MixedEncoder):
    """The `ImageEncoder` of a MobileSAM."""

    def __init__(self, sam: Sam, precision: Precision) -> None:
        super().__init__(sam, precision, FirstConvention(sam.image_encoder.img_size))

    def encode(self, pixels: Tensor) -> Features:
        """See `MixedEncoder`."""
        return Features(self._sam.image_encoder(pixels))
