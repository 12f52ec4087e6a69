"""SAM's mask decoder on image tokens in low rank: the parts that both ways of the fast decoder are made of.

Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from torch import Tensor

from sav.sam.encoders import Features
from sav.sam.fast.low_rank import LowRankImage, Scratch
from sav.sam.fast.shared_image import SharedImage
from sav.sam.fast.two_way import Chunk, transform
from sav.sam.fast.upscaling import FineTokens, Upscaling
from sav.sam.outputs import Wanted, falls_back, iou_place, own_tokens

# Devices on which each prompt has an image of its own, so that it stays in the cache.
_ONE_BY_ONE = ("cpu",)

# What all prompts share; the shared tokens after the first upscaling, `(T, 4 c)`; SAM 2's details.
Shared = tuple[SharedImage, Tensor, FineTokens | None]
EmbedBoxes = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of one picture, or as much of each of several.

    Attributes:
        prompts: `(B, N, P, C)` float32, embedded, or `(B, N, 4)` float32, boxes in the prompts' square.
        shared: What is computed from each picture alone.
        wanted: Which masks are wanted.
        grid_hw: Rows and columns of the features.
    """

    prompts: Tensor
    shared: tuple[Shared, ...]
    wanted: Wanted
    grid_hw: tuple[int, int]

    @property
    def extent_hw(self) -> tuple[int, int]:
        """Rows and columns of the features where masks are wanted."""
        return self.wanted.extent_hw or self.grid_hw


class LowRankDecoder:
    """The steps from prompts to what mixes masks, with the weights of a `Sam`.

    Attributes:
        weights: Upstream's mask decoder.
    """

    def __init__(self, sam: Sam, embed_boxes: EmbedBoxes | None = None) -> None:
        """Compute with the weights of `sam`, which stay where they are.

        Args:
            sam: The model.
            embed_boxes: Makes tokens `(N, P, C)` of boxes `(N, 4)` in the prompts' square; without it all
                prompts come embedded.
        """
        self.weights = sam.mask_decoder
        self._transformer = sam.mask_decoder.transformer
        self._prompt_encoder = sam.prompt_encoder
        self._embed_boxes = embed_boxes

    def embedded(self, prompts: Tensor) -> Tensor:
        """Prompts as a `Question` has them of one picture as tokens `(N, P, C)`."""
        if prompts.dim() == 3:
            return prompts
        assert self._embed_boxes is not None
        return self._embed_boxes(prompts)

    def share(self, coarse: Tensor, fine: tuple[Tensor, ...]) -> Shared:
        """What is computed from the features of a picture alone."""
        no_mask = self._prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        tokens = (coarse + no_mask)[0].flatten(1).T.contiguous()  # (T, C)
        position = self._prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()  # (T, C)
        shared = SharedImage.of(self._transformer, tokens, position)
        upscaled = shared.tokens @ Upscaling.first_weights(self.weights)
        return shared, upscaled, FineTokens.of(Features(coarse, fine)) if fine else None

    def upscaling(self, shared: Shared, grid_hw: tuple[int, int], extent_hw: tuple[int, int]) -> Upscaling:
        """What makes masks of a picture whose features have `grid_hw`, in its first `extent_hw`."""
        _, upscaled, fine = shared
        return Upscaling(self.weights, upscaled, grid_hw, extent_hw, fine)

    def chunk(
        self, sparse: Tensor, shared: Sequence[Shared], scratch: Scratch, with_kernels: bool = False
    ) -> Chunk:
        """`(n, P, C)` embedded prompts before the transformer, as many of each picture, one by one."""
        prompts = torch.cat([own_tokens(self.weights).expand(len(sparse), -1, -1), sparse], dim=1)

        pictures = [image for image, _, _ in shared]
        heads, _, tokens = pictures[0].layers[0][1].queries.shape
        rank = 1 + len(pictures[0].layers) * (heads * (prompts.shape[1] - 1) + 1)
        basis = scratch.take("basis", len(sparse), rank, tokens)
        images = [
            LowRankImage(part, scratch, with_kernels)
            for part in basis.split(1 if basis.device.type in _ONE_BY_ONE else len(sparse) // len(shared))
        ]
        return Chunk(prompts, pictures, images, prompts.new_zeros(len(prompts), 1, prompts.shape[2]))

    def mixers(self, chunk: Chunk, outputs: slice) -> tuple[range, Tensor, Tensor]:
        """Which masks may be wanted, the predicted IoU `(n, masks)` of all, and what mixes those.

        The mixers `(n, chosen masks, channels)` are of channels of the upscaled image.
        """
        decoder = self.weights
        masks = range(decoder.num_mask_tokens)
        chosen = masks if falls_back(decoder, outputs) else masks[outputs]
        place = iou_place(decoder)
        wanted_tokens = [place, *(place + 1 + output for output in chosen)]
        iou_token, *mask_tokens = transform(self._transformer, chunk, wanted_tokens).unbind(1)

        mlps = [decoder.output_hypernetworks_mlps[output] for output in chosen]
        mixers = torch.stack([mlp(token) for mlp, token in zip(mlps, mask_tokens, strict=True)], dim=1)
        return chosen, decoder.iou_prediction_head(iou_token), mixers
