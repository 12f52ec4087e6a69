"""SAM 2's and 2.1's Hiera with its pyramid, as ultralytics ships them, for pictures: it has no memory.

Ravi et al., "SAM 2: Segment Anything in Images and Videos" (arXiv 2408.00714).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn

from sav.detectors.door import import_sam_modules
from sav.device import Precision
from sav.sam.conventions import SecondConvention
from sav.sam.encoders import Features
from sav.sam.encoders.mixed import MixedEncoder
from sav.sam.shapes import StateDict, count_layers

NAME = "SAM 2"
FIRST_TENSOR = "image_encoder.trunk.patch_embed.proj.weight"
PARTS = {
    "image_encoder.": "image_encoder.",
    "no_mem_embed": "image_encoder.no_mem_embed",
    "sam_prompt_encoder.": "prompt_encoder.",
    "sam_mask_decoder.": "mask_decoder.",
}
# What remembers objects from frame to frame.
LEFT = re.compile(r"(memory_|maskmem_|mask_downsample\.|obj_ptr_|no_obj_|no_mem_pos_)")
# Hiera's position tables fit pictures of any size; this is what it was trained for.
IMAGE_SIZE, CELL_SIZE = 1024, 16


@dataclass(frozen=True)
class Attention:
    """What of a Hiera leaves no trace in any shape.

    Attributes:
        heads: In the first stage; each has twice as many as the one before.
        global_blocks: Those that attend to the whole image instead of to a window.
        windows: Patches along a side of the windows of each stage.
    """

    heads: int
    global_blocks: tuple[int, ...]
    windows: tuple[int, ...] = (8, 4, 14, 7)


# The releases, by the channels of the first stage and the blocks of each: tiny, small, base+ and large.
RELEASES: dict[tuple[int, tuple[int, ...]], Attention] = {
    (96, (1, 2, 7, 2)): Attention(1, (5, 7, 9)),
    (96, (1, 2, 11, 2)): Attention(1, (7, 10, 13)),
    (112, (2, 3, 16, 3)): Attention(2, (12, 16, 20)),
    (144, (2, 6, 36, 4)): Attention(2, (23, 33, 43), (8, 4, 16, 8)),
}


@dataclass(frozen=True)
class HieraArchitecture:
    """What the constructor of `Hiera` asks for.

    `background` is the size of the coarser of its two position tables.
    """

    embed_dim: int
    stages: tuple[int, ...]
    attention: Attention
    background: tuple[int, int]
    image_size: int

    @property
    def grid(self) -> int:
        """Cells along a side of the coarse features."""
        return self.image_size // CELL_SIZE

    def check_plausible(self) -> None:
        """All releases are plausible."""


def read(state: StateDict) -> HieraArchitecture:
    """Infer the architecture from the shapes of a SAM 2's tensors.

    Raises:
        KeyError, IndexError, ValueError: If they are not those of any release.
    """
    embed_dim = state[FIRST_TENSOR].shape[0]
    blocks = r"image_encoder\.trunk\.blocks\.(\d+)"
    depth = count_layers(state, rf"{blocks}\.norm1\.weight")
    # A stage's first block changes the number of channels.
    matches = [re.fullmatch(rf"{blocks}\.proj\.weight", name) for name in state]
    starts = sorted(int(match[1]) for match in matches if match)
    stages = tuple(stop - start for start, stop in zip([0, *starts], [*starts, depth], strict=True))
    if (embed_dim, stages) not in RELEASES:
        raise ValueError(f"no release has {embed_dim} channels and blocks by stage of {stages}")
    height, width = state["image_encoder.trunk.pos_embed"].shape[2:]
    return HieraArchitecture(embed_dim, stages, RELEASES[embed_dim, stages], (height, width), IMAGE_SIZE)


def build(architecture: HieraArchitecture, out_channels: int) -> PyramidEncoder:
    """ultralytics' own modules of these sizes, with fresh random weights."""
    modules = import_sam_modules()
    trunk = modules.Hiera(
        embed_dim=architecture.embed_dim,
        num_heads=architecture.attention.heads,
        stages=architecture.stages,
        global_att_blocks=architecture.attention.global_blocks,
        window_pos_embed_bkg_spatial_size=architecture.background,
        window_spec=architecture.attention.windows,
    )
    neck = modules.FpnNeck(
        d_model=out_channels,
        backbone_channel_list=trunk.channel_list,
        fpn_top_down_levels=[2, 3],
        fpn_interp_model="nearest",
    )
    return PyramidEncoder(trunk, neck, architecture.image_size, out_channels)


class PyramidEncoder(nn.Module):
    """Hiera, its pyramid, and what stands for having no memory.

    Attributes:
        img_size: Pixels along a side of the square that it sees.
    """

    def __init__(self, trunk: nn.Module, neck: nn.Module, img_size: int, out_channels: int) -> None:
        super().__init__()
        neck.position_encoding = _NoPositions()
        self.trunk, self.neck, self.img_size = trunk, neck, img_size
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, out_channels))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode `(B, 3, S, S)` to levels of S / 4, S / 8 and S / 16 cells a side, `(B, C, h, w)`."""
        finest, finer, coarse, _ = self.neck(self.trunk(pixels))[0]
        return finest, finer, coarse + self.no_mem_embed.view(1, -1, 1, 1)


class _NoPositions(nn.Module):
    """In place of the positions that a memory of videos would ask for."""

    def forward(self, level: Tensor) -> Tensor:
        return level.new_empty(0)


def fits(module: nn.Module) -> bool:
    """Whether a module is such an encoder."""
    return isinstance(module, PyramidEncoder)


class Encoder(MixedEncoder):
    """The `ImageEncoder` of a SAM 2, with the details that its mask decoder adds to its masks."""

    def __init__(self, sam: Sam, precision: Precision) -> None:
        super().__init__(sam, precision, SecondConvention(sam.image_encoder.img_size))

    def encode(self, pixels: Tensor) -> Features:
        """See `MixedEncoder`."""
        finest, finer, coarse = self._sam.image_encoder(pixels)
        decoder = self._sam.mask_decoder
        return Features(coarse, (decoder.conv_s0(finest), decoder.conv_s1(finer)))
