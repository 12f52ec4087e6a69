"""SAM's mask decoder for many prompts of one picture, at a tenth of segment_anything's arithmetic.

It is segment_anything's decoder rewritten, not approximated: the results differ by float32's rounding. What
prompts make of the picture stays in the form that `lean_picture` describes, and masks are made only of
prompts whose predicted IoU is wanted, and only where the picture is in SAM's square.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from segment_anything.modeling import Sam
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock
from torch import Tensor
from torch.nn import functional as F

from sav.sam.decoder import among_themselves
from sav.sam.lean_picture import Asked, Scratch, SeenPicture, SharedPicture, Told, centre
from sav.sam.lean_upscaling import Upscaling

# Devices on which the picture is seen by one prompt at a time, so that it stays in the cache.
_ALONE = ("cpu",)


@dataclass
class _Lot:
    """Prompts that are decoded together.

    Attributes:
        prompts: `(n, P, C)`, their tokens as they enter the transformer.
        pictures: The picture as they see it, some prompts a piece.
        coefficients: `(n, R, C)` of these.
        values: Of each layer so far `(n, H, P - 1, d)`; see `SeenPicture.tell`.
    """

    prompts: Tensor
    pictures: list[SeenPicture]
    coefficients: Tensor
    values: tuple[Tensor, ...] = ()

    def slices(self) -> Iterator[tuple[slice, SeenPicture]]:
        """The pictures, and which prompts see each."""
        start = 0
        for picture in self.pictures:
            stop = start + len(picture.scale)
            yield slice(start, stop), picture
            start = stop


class LeanDecoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, prompts_at_once: int) -> None:
        self._decoder = sam.mask_decoder
        self._transformer = sam.mask_decoder.transformer
        self._prompt_encoder = sam.prompt_encoder
        self._at_once = prompts_at_once
        self._last: tuple[Tensor, SharedPicture, Tensor] | None = None

    def __call__(
        self,
        features: Tensor,
        sparse: Tensor,
        outputs: slice,
        least_iou: float | None = None,
        extent_hw: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode the masks whose predicted IoU is above `least_iou`; see `Decoder`.

        Args:
            features: `(1, C, h, w)` float32, the embedded picture; what it takes of one is kept for the next
                call.
            sparse: `(N, P, C)` float32, the embedded prompts.
            outputs: Which of the decoder's masks are wanted.
            least_iou: Masks with no higher predicted IoU are left out; by default none is.
            extent_hw: Rows and columns of the features where masks are wanted; logits elsewhere are 0.

        Returns:
            Logits `(K, 4 h, 4 w)` and predicted IoU `(K,)` of the K masks, prompt by prompt.
        """
        shared, upscaled = self._shared(features)
        chosen = range(self._decoder.num_mask_tokens)[outputs]
        grid_hw = features.shape[2], features.shape[3]
        upscaling = Upscaling(self._decoder, upscaled, grid_hw, extent_hw or grid_hw)
        parts = [
            self._decode(self._lot(part, shared, scratch), shared, upscaling, chosen, least_iou)
            for scratch in [Scratch(features)]
            for part in sparse.split(self._at_once)
            if len(part)
        ]
        none = features.new_empty(0, *(4 * side for side in grid_hw)), features.new_empty(0)
        logits, predicted_iou = zip(none, *parts, strict=True)
        return torch.cat(logits), torch.cat(predicted_iou)

    def _shared(self, features: Tensor) -> tuple[SharedPicture, Tensor]:
        """What all prompts share, and `(T, 4 c)`, the shared tokens after the first upscaling."""
        last = self._last
        if last is None or last[0] is not features:
            no_mask = self._prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
            tokens = (features + no_mask)[0].flatten(1).T.contiguous()
            position = self._prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()
            shared = SharedPicture.of(self._transformer, tokens, position)
            upscaled = shared.tokens @ Upscaling.first_weights(self._decoder)
            last = self._last = features, shared, upscaled
        return last[1], last[2]

    def _lot(self, sparse: Tensor, shared: SharedPicture, scratch: Scratch) -> _Lot:
        """Embedded prompts before the transformer."""
        decoder = self._decoder
        outputs = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        prompts = torch.cat([outputs.expand(len(sparse), -1, -1), sparse], dim=1)
        told = shared.layers[0][1]
        rank = 1 + len(shared.layers) * (told.queries.shape[0] * (prompts.shape[1] - 1) + 1)
        basis = scratch.take("basis", len(sparse), rank, told.queries.shape[2])
        pieces = basis.split(1 if basis.device.type in _ALONE else len(sparse))
        coefficients = prompts.new_zeros(len(prompts), 1, prompts.shape[2])
        return _Lot(prompts, [SeenPicture(piece, scratch) for piece in pieces], coefficients)

    def _decode(
        self,
        lot: _Lot,
        shared: SharedPicture,
        upscaling: Upscaling,
        chosen: Sequence[int],
        least_iou: float | None,
    ) -> tuple[Tensor, Tensor]:
        """Logits and predicted IoU of the wanted masks of a lot."""
        answers = [0, *(1 + output for output in chosen)]
        iou_token, *mask_tokens = self._transform(lot, shared, answers).unbind(1)
        predicted_iou = self._decoder.iou_prediction_head(iou_token)[:, chosen]
        wanted = torch.ones_like(predicted_iou, dtype=torch.bool)
        if least_iou is not None:
            wanted = predicted_iou > least_iou
        mlps = [self._decoder.output_hypernetworks_mlps[output] for output in chosen]
        mixers = torch.stack([mlp(token) for mlp, token in zip(mlps, mask_tokens, strict=True)], dim=1)
        coefficients = upscaling.coefficients(lot.coefficients)
        logits = [
            upscaling.masks(picture, coefficients[part], mixers[part], wanted[part])
            for part, picture in lot.slices()
        ]
        return torch.cat(logits), predicted_iou[wanted]

    def _transform(self, lot: _Lot, shared: SharedPicture, answers: list[int]) -> Tensor:
        """The two-way transformer: the tokens at `answers` as they leave it, `(n, answers, C)`."""
        queries = lot.prompts
        for layer, (asked, told) in zip(self._transformer.layers, shared.layers, strict=True):
            queries = among_themselves(layer, queries, lot.prompts)
            attention = layer.cross_attn_token_to_image
            queries = layer.norm2(queries + _ask(lot, attention, asked, queries + lot.prompts))
            queries = layer.norm3(queries + layer.mlp(queries))
            _tell(lot, layer, told, queries)
        queries = queries[:, answers]
        final = self._transformer.final_attn_token_to_image
        told_by_picture = _ask(lot, final, shared.final, queries + lot.prompts[:, answers])
        return self._transformer.norm_final_attn(queries + told_by_picture)


def _ask(lot: _Lot, attention: Attention, asked: Asked, tokens: Tensor) -> Tensor:
    """Attention of `(n, P, C)` tokens to the picture, projected back to the same."""
    queries = _heads(attention.q_proj(tokens), attention) / asked.keys.shape[1] ** 0.5
    low_keys, low_values = (
        _heads(F.linear(lot.coefficients, layer.weight), attention)
        for layer in (attention.k_proj, attention.v_proj)
    )
    low_scores = (queries @ low_keys.transpose(2, 3)).flatten(1, 2)
    found = [picture.ask(asked, queries[part], low_scores[part]) for part, picture in lot.slices()]
    on_shared, on_basis = (torch.cat(some) for some in zip(*found, strict=True))
    attended = on_shared + on_basis.unflatten(1, queries.shape[1:3]) @ low_values
    return attention.out_proj(attended.transpose(1, 2).flatten(2) + attention.v_proj.bias)


def _tell(lot: _Lot, layer: TwoWayAttentionBlock, told: Told, tokens: Tensor) -> None:
    """Attention of the picture to `(n, P, C)` tokens, and the LayerNorm behind it."""
    attention = layer.cross_attn_image_to_token
    keys = _heads(attention.k_proj(tokens + lot.prompts), attention) / told.queries.shape[1] ** 0.5
    low_queries = _heads(F.linear(lot.coefficients, attention.q_proj.weight), attention)
    low_scores = (keys @ low_queries.transpose(2, 3)).flatten(1, 2)

    projected = attention.v_proj(tokens)
    values = _heads(projected, attention)
    values = values[:, :, :-1] - values[:, :, -1:]
    sent = values @ attention.out_proj.weight.T.unflatten(0, (values.shape[1], -1))
    constant = lot.coefficients[:, :1] + attention.out_proj(projected[:, -1:])
    coefficients = centre(torch.cat([constant, lot.coefficients[:, 1:], sent.flatten(1, 2)], dim=1))

    lot.values += (values,)
    gram = coefficients @ coefficients.transpose(1, 2)
    step = 1 + sent.shape[1] * sent.shape[2]
    constants = coefficients[:, 0 : coefficients.shape[1] - 1 : step] @ told.centred
    for part, picture in lot.slices():
        picture.tell(
            told,
            keys[part],
            low_scores[part],
            tuple(one[part] for one in lot.values),
            gram[part],
            constants[part],
        )
    gained = coefficients * layer.norm4.weight
    offset = layer.norm4.bias.expand(len(gained), 1, -1)
    lot.coefficients = torch.cat([offset, gained[:, 1:], gained[:, :1]], dim=1)


def _heads(tokens: Tensor, attention: Attention) -> Tensor:
    """`(n, P, D)` as `(n, H, P, d)`."""
    return tokens.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
