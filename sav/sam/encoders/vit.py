"""The ViT of segment_anything in any size: base, large, huge, and whatever else a checkpoint has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from segment_anything.modeling import ImageEncoderViT, Sam
from torch import Tensor, nn

from sav.device import Precision
from sav.sam.conventions import FirstConvention
from sav.sam.encoders import Features
from sav.sam.fast.encoder import FastEncoder
from sav.sam.shapes import StateDict, count_layers

NAME = "ViT SAM"
# A checkpoint with a ViT is known by a name that ends in this, whatever stands before it.
FIRST_TENSOR = "image_encoder.patch_embed.proj.weight"
PARTS = {part: part for part in ("image_encoder.", "prompt_encoder.", "mask_decoder.")}
LEFT = re.compile("(?!)")
# Published SAMs see 1024 pixels in a grid of 64 patches; a block that looks at all of a grid twice as fine
# needs 16 times the memory.
LARGEST_IMAGE, LARGEST_GRID = 4096, 128


@dataclass(frozen=True)
class VitArchitecture:
    """What the constructor of segment_anything's `ImageEncoderViT` asks for.

    `window_size` is in patches; `global_blocks` are the indices of the blocks that attend to the whole image
    instead of to a window.
    """

    image_size: int
    patch_size: int
    embed_dim: int
    depth: int
    heads: int
    mlp_ratio: float
    qkv_bias: bool
    window_size: int
    global_blocks: tuple[int, ...]

    @property
    def grid(self) -> int:
        """Patches along a side of the image."""
        return self.image_size // self.patch_size

    def check_plausible(self) -> None:
        """Refuse what no computer could run, however small its file is.

        Raises:
            ValueError: If a number is beyond those of any SAM.
        """
        if self.image_size > LARGEST_IMAGE or self.grid > LARGEST_GRID:
            raise ValueError(
                f"pictures of {self.image_size} pixels in patches of {self.patch_size} are too large"
            )
        if self.window_size > self.grid:
            raise ValueError(f"windows of {self.window_size} patches are larger than the picture")


def read(state: StateDict) -> VitArchitecture:
    """Infer the architecture from the shapes of a SAM's tensors.

    Raises:
        KeyError, IndexError, ValueError, ZeroDivisionError: If they are not those of a ViT.
    """
    shape = {name: tuple(tensor.shape) for name, tensor in state.items()}
    embed_dim, _, patch_size, _ = shape[FIRST_TENSOR]
    depth = count_layers(state, r"image_encoder\.blocks\.(\d+)\.norm1\.weight")
    grid = shape["image_encoder.pos_embed"][1]

    spans, head_dim = _attention_spans(shape, depth, grid)
    windows = {span for span in spans if span != grid} or {0}
    if len(windows) > 1:
        raise ValueError(f"windows of several sizes: {sorted(windows)}")
    return VitArchitecture(
        image_size=grid * patch_size,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        heads=embed_dim // head_dim,
        mlp_ratio=shape["image_encoder.blocks.0.mlp.lin1.weight"][0] / embed_dim,
        qkv_bias="image_encoder.blocks.0.attn.qkv.bias" in state,
        window_size=windows.pop(),
        global_blocks=tuple(i for i, span in enumerate(spans) if span == grid),
    )


def _attention_spans(shape: Mapping[str, tuple[int, ...]], depth: int, grid: int) -> tuple[list[int], int]:
    """How many patches each block attends across, and the width of a head, from the position tables."""
    tables = [shape[f"image_encoder.blocks.{i}.attn.rel_pos_h"] for i in range(depth)]
    head_dims = {width for _, width in tables}
    if len(head_dims) != 1:
        raise ValueError(f"attention heads of several widths: {sorted(head_dims)}")
    return [(length + 1) // 2 for length, _ in tables], head_dims.pop()


def build(architecture: VitArchitecture, out_channels: int) -> ImageEncoderViT:
    """segment_anything's own module of these sizes, with fresh random weights."""
    a = architecture
    return ImageEncoderViT(
        img_size=a.image_size,
        patch_size=a.patch_size,
        embed_dim=a.embed_dim,
        depth=a.depth,
        num_heads=a.heads,
        mlp_ratio=a.mlp_ratio,
        out_chans=out_channels,
        qkv_bias=a.qkv_bias,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=a.window_size,
        global_attn_indexes=a.global_blocks,
    )


def fits(module: nn.Module) -> bool:
    """Whether a module is such an encoder."""
    return isinstance(module, ImageEncoderViT)


class Encoder:
    """The `ImageEncoder` of a `Sam` with a ViT, which sees the square in which prompts are given."""

    def __init__(self, sam: Sam, precision: Precision) -> None:
        """Unless all must be exact, a `FastEncoder` takes the place of the ViT in `sam`."""
        if not precision.is_exact:
            sam.image_encoder = FastEncoder(sam.image_encoder, precision.dtype)
        self._sam = sam
        self.side = self.prompt_side = sam.image_encoder.img_size
        self.convention = FirstConvention(self.side)

    def __call__(self, pixels: Tensor) -> Features:
        """See `ImageEncoder`."""
        return Features(self._sam.image_encoder(pixels))
