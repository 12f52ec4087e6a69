"""SAM's mask decoder: the library's own modules, called with some prompts of a picture at a time.

Upstream takes all prompts at once and makes every mask of each. In chunks memory is bounded, tensors stay in
the processor's cache, and masks are made only of prompts whose predicted IoU is wanted. The logits are
upstream's to the last bit: tests/sam/test_decoder.py holds that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from torch import Tensor, nn
from torch.nn import functional as F

from sav.sam.encoders import Features
from sav.sam.outputs import Wanted, falls_back, iou_place, own_tokens, stable_ones, upscaled, wanted_masks


@dataclass(frozen=True, eq=False)
class Chunk:
    """Those of a picture's prompts that are decoded together.

    Attributes:
        sparse: `(n, P, C)`, the embedded prompts.
        start: Position of the first among all.
        total: How many there are in all.
    """

    sparse: Tensor
    start: int
    total: int

    @classmethod
    def split(cls, sparse: Tensor, size: int) -> Iterator[Chunk]:
        """Chunks of `size` prompts or a few more, none smaller unless there are fewer in all."""
        start = 0
        for part in sparse.tensor_split(max(1, len(sparse) // size)):
            yield cls(part, start, len(sparse))
            start += len(part)

    def apply(self, mlp: nn.Module, tokens: Tensor) -> Tensor:
        """Put `(n, C)`, a token a prompt, through an MLP at their places among those of all prompts.

        Matrices of a few rows are multiplied by other routines than larger ones, which round differently.
        """
        end = self.start + len(tokens)
        return mlp(F.pad(tokens, (0, 0, self.start, self.total - end)))[self.start : end]


class Decoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, chunk_size: int) -> None:
        self._decoder = sam.mask_decoder
        self._prompt_encoder = sam.prompt_encoder
        self._chunk_size = chunk_size

    def __call__(self, features: Features, sparse: Tensor, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Decode the masks that are wanted.

        Args:
            features: The embedded picture, one alone.
            sparse: `(N, P, C)` float32, the embedded prompts.
            wanted: Which masks; they are made whole, as upstream does, wherever they are wanted.

        Returns:
            Logits `(K, 4 h, 4 w)` and predicted IoU `(K,)` of the K masks, prompt by prompt.
        """
        no_mask = self._prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        features = Features(features.coarse + no_mask, features.fine)

        chunks = Chunk.split(sparse, self._chunk_size)
        decoded = [self._decode(features, chunk, wanted) for chunk in chunks]
        return torch.cat([logits for logits, _ in decoded]), torch.cat([iou for _, iou in decoded])

    def _decode(self, features: Features, chunk: Chunk, wanted: Wanted) -> tuple[Tensor, Tensor]:
        """Logits and predicted IoU of the wanted masks of one chunk of prompts."""
        decoder = self._decoder
        prompt_tokens, image_tokens = self._transform(features.coarse, chunk.sparse)

        place = iou_place(decoder)
        predicted_iou = chunk.apply(decoder.iou_prediction_head, prompt_tokens[:, place])
        are_wanted = wanted_masks(decoder, predicted_iou, wanted)

        prompts = are_wanted.any(dim=1)
        mixers = torch.stack(
            [
                chunk.apply(mlp, prompt_tokens[:, place + 1 + output])
                for output, mlp in enumerate(decoder.output_hypernetworks_mlps)
            ],
            dim=1,
        )  # (n, masks, channels)
        image_tokens = image_tokens[prompts]
        if len(image_tokens) == 1 < chunk.total:
            # PyTorch upscales a single picture by another routine than several, which rounds differently.
            image_tokens = image_tokens.repeat(2, 1, 1)
        logits = self._masks(mixers[prompts], image_tokens, features)[are_wanted[prompts]]
        if falls_back(decoder, wanted.outputs):
            return stable_ones(decoder, logits, predicted_iou[are_wanted])
        return logits, predicted_iou[are_wanted]

    def _transform(self, image: Tensor, sparse: Tensor) -> tuple[Tensor, Tensor]:
        """Prompt tokens `(n, P', C)` and image tokens `(n, h w, C)` as they leave the two-way transformer."""
        decoder, count = self._decoder, len(sparse)
        tokens = torch.cat([own_tokens(decoder).expand(count, -1, -1), sparse], dim=1)

        position = self._prompt_encoder.get_dense_pe()
        images, positions = (x.expand(count, -1, -1, -1) for x in (image, position))  # (n, C, h, w)
        return decoder.transformer(images, positions, tokens)

    def _masks(self, mixers: Tensor, image_tokens: Tensor, features: Features) -> Tensor:
        """All masks of `(n, masks, c)` mixers of the upscaled picture's channels, `(n, masks, 4 h, 4 w)`.

        The picture `(n or more, h w, C)` has one for each prompt; more are upscaled and left.
        """
        images = image_tokens.transpose(1, 2).unflatten(2, features.coarse.shape[-2:])  # (n, C, h, w)
        channels = upscaled(self._decoder, images, features.fine)[: len(mixers)]  # (n, c, 4 h, 4 w)
        return (mixers @ channels.flatten(2)).unflatten(2, channels.shape[2:])
