"""SAM's mask decoder for many prompts of one picture, with the very results of segment_anything's.

Upstream copies the picture's features once for each prompt and makes every mask that the decoder can. Here
the first layer's projections of the picture, in which all prompts are alike, are made once; prompts go
through in lots that stay in the processor's cache; and masks are made only of prompts whose predicted IoU is
wanted. Each remaining sum adds the same numbers in the same order: the logits are upstream's to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class ImageSide:
    """What all prompts of a picture share, T tokens of C channels.

    Attributes:
        tokens: `(1, T, C)`, the features with the embedding that says "no mask given".
        position: `(1, T, C)`, their position encoding.
        keys: `(1, T, D)`, projected for the first layer's attention from prompt to picture.
        values: `(1, T, D)`, likewise.
        queries: `(1, T, D)`, projected for the first layer's attention from picture to prompt.
    """

    tokens: Tensor
    position: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor


@dataclass(frozen=True)
class Lot:
    """Some of a picture's prompts: those that are decoded together.

    Attributes:
        sparse: `(n, P, C)`, the embedded prompts.
        start: Position of the first among all.
        total: How many there are in all.
    """

    sparse: Tensor
    start: int
    total: int

    def apply(self, mlp: nn.Module, tokens: Tensor) -> Tensor:
        """Put `(n, C)`, a token a prompt, through an MLP at their places among those of all prompts.

        Matrices of a few rows are multiplied by other routines than larger ones, which round differently.
        """
        behind = self.total - self.start - len(tokens)
        return mlp(F.pad(tokens, (0, 0, self.start, behind)))[self.start : self.start + len(tokens)]


def _lots(sparse: Tensor, at_once: int) -> Iterator[Lot]:
    """Lots of `at_once` prompts or a few more, none smaller unless there are fewer in all."""
    start = 0
    for part in sparse.tensor_split(max(1, len(sparse) // at_once)):
        yield Lot(part, start, len(sparse))
        start += len(part)


class Decoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, prompts_at_once: int) -> None:
        self._decoder = sam.mask_decoder
        self._transformer = sam.mask_decoder.transformer
        self._prompt_encoder = sam.prompt_encoder
        self._at_once = prompts_at_once

    def __call__(
        self,
        features: Tensor,
        sparse: Tensor,
        outputs: slice,
        least_iou: float | None = None,
        extent_hw: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode the masks whose predicted IoU is above `least_iou`.

        Args:
            features: `(1, C, h, w)` float32, the embedded picture.
            sparse: `(N, P, C)` float32, the embedded prompts.
            outputs: Which of the decoder's masks are wanted: the first for one whole object, the others for
                three of different sizes.
            least_iou: Masks with no higher predicted IoU are left out; by default none is.
            extent_hw: Rows and columns of the features where masks are wanted; here they are made whole, as
                upstream does.

        Returns:
            Logits `(K, 4 h, 4 w)` and predicted IoU `(K,)` of the K masks, prompt by prompt.
        """
        side = self._image_side(features)
        grid_hw = features.shape[-2:]
        parts = [self._decode(side, lot, grid_hw, outputs, least_iou) for lot in _lots(sparse, self._at_once)]
        return torch.cat([logits for logits, _ in parts]), torch.cat([iou for _, iou in parts])

    def _image_side(self, features: Tensor) -> ImageSide:
        source = features + self._prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        tokens = source.flatten(2).permute(0, 2, 1)
        position = self._prompt_encoder.get_dense_pe().flatten(2).permute(0, 2, 1)
        first = self._transformer.layers[0]
        with_position = tokens + position
        return ImageSide(
            tokens.contiguous(),
            position.contiguous(),
            keys=first.cross_attn_token_to_image.k_proj(with_position),
            values=first.cross_attn_token_to_image.v_proj(tokens),
            queries=first.cross_attn_image_to_token.q_proj(with_position),
        )

    def _decode(
        self, side: ImageSide, lot: Lot, grid_hw: torch.Size, outputs: slice, least_iou: float | None
    ) -> tuple[Tensor, Tensor]:
        """Logits and predicted IoU of the wanted masks of one lot of prompts."""
        decoder = self._decoder
        output_tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        prompts = torch.cat([output_tokens.expand(len(lot.sparse), -1, -1), lot.sparse], dim=1)
        queries, image = self._transform(side, prompts)

        predicted_iou = lot.apply(decoder.iou_prediction_head, queries[:, 0])[:, outputs]
        wanted = torch.ones_like(predicted_iou, dtype=torch.bool)
        if least_iou is not None:
            wanted = predicted_iou > least_iou
        chosen = wanted.any(dim=1)
        mixers = [
            lot.apply(mlp, queries[:, 1 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)
        ]
        picture = image[chosen]
        if len(picture) == 1 < lot.total:
            # PyTorch upscales a single picture by another routine than several, which rounds differently.
            picture = picture.repeat(2, 1, 1)
        logits = self._masks(torch.stack(mixers, dim=1)[chosen], picture, grid_hw)[:, outputs]
        return logits[wanted[chosen]], predicted_iou[wanted]

    def _transform(self, side: ImageSide, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """The two-way transformer: prompts `(n, P, C)` and picture `(n, T, C)` as they leave it."""
        queries, image = prompts, side.tokens
        for number, layer in enumerate(self._transformer.layers):
            if number == 0:
                keys, values, from_image = side.keys, side.values, side.queries
            else:
                with_position = image + side.position
                keys = layer.cross_attn_token_to_image.k_proj(with_position)
                values = layer.cross_attn_token_to_image.v_proj(image)
                from_image = layer.cross_attn_image_to_token.q_proj(with_position)
            queries = _ask_the_picture(layer, queries, prompts, keys, values)
            told = layer.cross_attn_image_to_token
            news = _attend(told, from_image, told.k_proj(queries + prompts), told.v_proj(queries))
            image = layer.norm4(news.add_(image))

        final = self._transformer.final_attn_token_to_image
        queries = queries + _attend(
            final, final.q_proj(queries + prompts), final.k_proj(image + side.position), final.v_proj(image)
        )
        return self._transformer.norm_final_attn(queries), image

    def _masks(self, mixers: Tensor, image: Tensor, grid_hw: torch.Size) -> Tensor:
        """All masks of `(n, masks, c)` mixers of the upscaled picture's channels, `(n, masks, 4 h, 4 w)`.

        The picture `(n or more, T, C)` has one for each prompt; more are upscaled and left.
        """
        upscaled = self._decoder.output_upscaling(image.transpose(1, 2).unflatten(2, grid_hw))[: len(mixers)]
        return (mixers @ upscaled.flatten(2)).unflatten(2, upscaled.shape[2:])


def _ask_the_picture(
    layer: TwoWayAttentionBlock, queries: Tensor, prompts: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """The first three steps of a layer: prompt tokens see each other, then the picture, then an MLP."""
    queries = among_themselves(layer, queries, prompts)
    attention = layer.cross_attn_token_to_image
    queries = layer.norm2(queries + _attend(attention, attention.q_proj(queries + prompts), keys, values))
    return layer.norm3(queries + layer.mlp(queries))


def among_themselves(layer: TwoWayAttentionBlock, queries: Tensor, prompts: Tensor) -> Tensor:
    """The first step of a layer alone: attention of prompt tokens `(n, P, C)` to each other."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=queries, k=queries, v=queries))
    with_prompts = queries + prompts
    return layer.norm1(queries + layer.self_attn(q=with_prompts, k=with_prompts, v=queries))


def _attend(attention: Attention, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of projected `(n or 1, tokens, D)`, projected back to `(n, tokens of the queries, C)`."""
    heads = attention.num_heads
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (queries, keys, values))
    scores = q @ k.transpose(2, 3)
    scores = torch.softmax(scores.div_(math.sqrt(q.shape[-1])), dim=-1)
    return attention.out_proj((scores @ v).transpose(1, 2).flatten(2))
