"""SAM's mask decoder for many prompts of one image, at a tenth of segment_anything's arithmetic.

It is segment_anything's decoder rewritten, not approximated. What prompts make of the image tokens stays in
the form that `low_rank` describes, and masks are made only where the picture is in SAM's square, on a CPU
only of prompts whose predicted IoU is wanted. On CUDA, where launching kernels takes longer than running
them, prompts go through graphs in a few fixed numbers, and every mask is made.

Contract: logits and predicted IoU are upstream's within float32's rounding, 1e-4 of the logits' spread.
Reference test: tests/sam/fast/test_decoder.py, against segment_anything's `MaskDecoder`; of SAM 2's
tests/sam/encoders/test_hiera.py, against `sav.sam.decoder`.
Gain on a CPU, over `sav.sam.decoder`: 4.1 for 20 boxes and 4.3 for points, the demo's SAM 2.6.
No GPU was measured, nor SAM 2's boxes for themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from segment_anything.modeling import Sam
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock
from torch import Tensor
from torch.nn import functional as F

from sav.graphs import Graphs
from sav.sam.encoders import Features
from sav.sam.fast.low_rank import ImageToToken, LowRankImage, Scratch, SharedImage, TokenToImage, centre
from sav.sam.fast.upscaling import FineTokens, Upscaling
from sav.sam.outputs import (
    ONE,
    THREE,
    falls_back,
    iou_place,
    own_tokens,
    stable_of_all,
    stable_ones,
    wanted_masks,
)

# Devices on which each prompt has an image of its own, so that it stays in the cache.
_ONE_BY_ONE = ("cpu",)
# Devices on which chunks go through graphs.
_GRAPHED = ("cuda",)
# How many prompts are in a graph's chunk: less prompts are filled up with copies.
_SIZES = (1, 4, 16, 64, 128)
# Masks of a graph end on such a row and column of tokens: fewer graphs for pictures of many shapes.
_EXTENT_STEP = 8

# What all prompts share; the shared tokens after the first upscaling, `(T, 4 c)`; SAM 2's details.
Shared = tuple[SharedImage, Tensor, FineTokens | None]


class Decoded(NamedTuple):
    """Masks of some prompts.

    Attributes:
        logits: `(K, h, w)`, or `(n, masks, h, w)` of n prompts.
        predicted_iou: `(K,)`, or `(n, masks)`.
        prompts: How many prompts they are of.
    """

    logits: Tensor
    predicted_iou: Tensor
    prompts: int

    def above(self, least_iou: float | None) -> Decoded:
        """Of all masks of each prompt those that are surely good enough."""
        if least_iou is None:
            return Decoded(self.logits.flatten(0, 1), self.predicted_iou.flatten(), self.prompts)
        wanted = (self.predicted_iou > least_iou).nonzero(as_tuple=True)
        return Decoded(self.logits[wanted], self.predicted_iou[wanted], self.prompts)


@dataclass
class _Chunk:
    """Prompts that are decoded together.

    Attributes:
        prompts: `(n, P, C)`, their tokens as they enter the transformer.
        images: The image tokens as they have changed them, some prompts each.
        coefficients: `(n, R, C)` of these.
        values: Of each layer so far `(n, H, P - 1, d)`; see `LowRankImage.image_to_token`.
    """

    prompts: Tensor
    images: list[LowRankImage]
    coefficients: Tensor
    values: tuple[Tensor, ...] = ()

    def slices(self) -> Iterator[tuple[slice, LowRankImage]]:
        """The images, and which prompts belong to each."""
        start = 0
        for image in self.images:
            stop = start + len(image.scale)
            yield slice(start, stop), image
            start = stop


class FastDecoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, chunk_size: int) -> None:
        self._decoder = sam.mask_decoder
        self._transformer = sam.mask_decoder.transformer
        self._prompt_encoder = sam.prompt_encoder
        self._chunk_size = chunk_size
        self._last: tuple[Features, Shared] | None = None
        self._graphs = Graphs()

    def __call__(
        self,
        features: Features,
        sparse: Tensor,
        outputs: slice,
        least_iou: float | None = None,
        extent_hw: tuple[int, int] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Decode the masks whose predicted IoU is above `least_iou`; see `sav.sam.decoder.Decoder`.

        Args:
            features: The embedded picture, one alone; what is computed from it alone is kept for the next
                call.
            sparse: `(N, P, C)` float32, the embedded prompts.
            outputs: Which of the decoder's masks are wanted.
            least_iou: Masks with no higher predicted IoU are left out; by default none is.
            extent_hw: Rows and columns of the features where masks are wanted; logits elsewhere are 0.

        Returns:
            Logits `(K, 4 h, 4 w)` and predicted IoU `(K,)` of the K masks, prompt by prompt.
        """
        grid_hw = features.coarse.shape[2], features.coarse.shape[3]
        none = features.coarse.new_empty(0, *(4 * side for side in grid_hw)), features.coarse.new_empty(0)
        chunks = self.chunks(features, sparse, outputs, least_iou, extent_hw)
        logits, predicted_iou = zip(none, *((one.logits, one.predicted_iou) for one in chunks), strict=True)
        return torch.cat(logits), torch.cat(predicted_iou)

    def chunks(
        self,
        features: Features,
        sparse: Tensor,
        outputs: slice,
        least_iou: float | None = None,
        extent_hw: tuple[int, int] | None = None,
    ) -> Iterator[Decoded]:
        """The same, some prompts at a time."""
        grid_hw = features.coarse.shape[2], features.coarse.shape[3]
        work = self._graphed if sparse.device.type in _GRAPHED else self._chunked
        return work(sparse, self._shared(features), outputs, least_iou, grid_hw, extent_hw or grid_hw)

    def _chunked(
        self,
        sparse: Tensor,
        shared: Shared,
        outputs: slice,
        least_iou: float | None,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
    ) -> Iterator[Decoded]:
        """The wanted masks, a chunk at a time."""
        image, upscaled, fine = shared
        upscaling = Upscaling(self._decoder, upscaled, grid_hw, extent_hw, fine)
        scratch = Scratch(sparse)
        for part in sparse.split(self._chunk_size) if len(sparse) else ():
            chunk = self._chunk(part, image, scratch)
            yield Decoded(*self._decode(chunk, image, upscaling, outputs, least_iou), len(part))

    def _graphed(
        self,
        sparse: Tensor,
        shared: Shared,
        outputs: slice,
        least_iou: float | None,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
    ) -> Iterator[Decoded]:
        """The same, in chunks that graphs have; while one is waited for, the next is under way."""
        rows, columns = (
            min(side, -(-extent // _EXTENT_STEP) * _EXTENT_STEP)
            for side, extent in zip(grid_hw, extent_hw, strict=True)
        )
        settings = outputs == ONE, grid_hw, (rows, columns)
        before: Decoded | None = None
        for part in sparse.split(list(_sizes(len(sparse), self._chunk_size))):
            size = next(size for size in _SIZES if size >= len(part))
            filled = torch.cat([part, part[:1].expand(size - len(part), -1, -1)])
            logits, predicted_iou = self._graphs(self._all_masks, filled, shared, *settings)
            if before is not None:
                yield before.above(least_iou)
            before = Decoded(logits[: len(part)], predicted_iou[: len(part)], len(part))
        if before is not None:
            yield before.above(least_iou)

    def _all_masks(
        self,
        sparse: Tensor,
        shared: Shared,
        is_one: bool,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
    ) -> tuple[Tensor, Tensor]:
        """Logits `(n, masks, 4 h, 4 w)` of one mask a prompt or of three, and predicted IoU `(n, masks)`."""
        image, upscaled, fine = shared
        upscaling = Upscaling(self._decoder, upscaled, grid_hw, extent_hw, fine)
        chunk = self._chunk(sparse, image, Scratch(sparse))
        outputs = ONE if is_one else THREE
        chosen, predicted_iou, mixers = self._mixers(chunk, image, outputs)
        predicted_iou = predicted_iou[:, chosen.start : chosen.stop]
        coefficients = upscaling.coefficients(chunk.coefficients)
        logits = torch.cat(
            [upscaling.masks(one, coefficients[part], mixers[part]) for part, one in chunk.slices()]
        ).unflatten(0, mixers.shape[:2])
        if falls_back(self._decoder, outputs):
            return stable_of_all(self._decoder, logits, predicted_iou)
        return logits, predicted_iou

    def _shared(self, features: Features) -> Shared:
        """What is computed from the picture alone."""
        last = self._last
        if last is None or last[0] is not features:
            last = self._last = features, self._graphs(self._share, features.coarse, features.fine)
        return last[1]

    def _share(self, coarse: Tensor, fine: tuple[Tensor, ...]) -> Shared:
        no_mask = self._prompt_encoder.no_mask_embed.weight.reshape(1, -1, 1, 1)
        tokens = (coarse + no_mask)[0].flatten(1).T.contiguous()  # (T, C)
        position = self._prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()  # (T, C)
        shared = SharedImage.of(self._transformer, tokens, position)
        upscaled = shared.tokens @ Upscaling.first_weights(self._decoder)
        return shared, upscaled, FineTokens.of(Features(coarse, fine)) if fine else None

    def _chunk(self, sparse: Tensor, shared: SharedImage, scratch: Scratch) -> _Chunk:
        """`(n, P, C)` embedded prompts before the transformer."""
        prompts = torch.cat([own_tokens(self._decoder).expand(len(sparse), -1, -1), sparse], dim=1)

        heads, _, tokens = shared.layers[0][1].queries.shape
        rank = 1 + len(shared.layers) * (heads * (prompts.shape[1] - 1) + 1)
        basis = scratch.take("basis", len(sparse), rank, tokens)
        images = [
            LowRankImage(part, scratch)
            for part in basis.split(1 if basis.device.type in _ONE_BY_ONE else len(sparse))
        ]
        return _Chunk(prompts, images, prompts.new_zeros(len(prompts), 1, prompts.shape[2]))

    def _decode(
        self,
        chunk: _Chunk,
        shared: SharedImage,
        upscaling: Upscaling,
        outputs: slice,
        least_iou: float | None,
    ) -> tuple[Tensor, Tensor]:
        """Logits and predicted IoU of the wanted masks of a chunk."""
        chosen, predicted_iou, mixers = self._mixers(chunk, shared, outputs)
        wanted = wanted_masks(self._decoder, predicted_iou, outputs, least_iou)
        predicted_iou, wanted = predicted_iou[:, chosen], wanted[:, chosen]

        coefficients = upscaling.coefficients(chunk.coefficients)
        parts = [
            upscaling.masks(image, coefficients[part], mixers[part], wanted[part])
            for part, image in chunk.slices()
        ]
        logits = torch.cat(parts)
        if falls_back(self._decoder, outputs):
            return stable_ones(self._decoder, logits, predicted_iou[wanted])
        return logits, predicted_iou[wanted]

    def _mixers(self, chunk: _Chunk, shared: SharedImage, outputs: slice) -> tuple[range, Tensor, Tensor]:
        """Which masks may be wanted, the predicted IoU `(n, masks)` of all, and what mixes those.

        The mixers `(n, chosen masks, channels)` are of channels of the upscaled image.
        """
        decoder = self._decoder
        masks = range(decoder.num_mask_tokens)
        chosen = masks if falls_back(decoder, outputs) else masks[outputs]
        place = iou_place(decoder)
        wanted_tokens = [place, *(place + 1 + output for output in chosen)]
        iou_token, *mask_tokens = self._transform(chunk, shared, wanted_tokens).unbind(1)

        mlps = [decoder.output_hypernetworks_mlps[output] for output in chosen]
        mixers = torch.stack([mlp(token) for mlp, token in zip(mlps, mask_tokens, strict=True)], dim=1)
        return chosen, decoder.iou_prediction_head(iou_token), mixers

    def _transform(self, chunk: _Chunk, shared: SharedImage, wanted_tokens: list[int]) -> Tensor:
        """The two-way transformer: the wanted prompt tokens as they leave it, `(n, wanted, C)`."""
        queries = chunk.prompts
        for layer, (token_to_image, image_to_token) in zip(
            self._transformer.layers, shared.layers, strict=True
        ):
            queries = _self_attention(layer, queries, chunk.prompts)
            attention = layer.cross_attn_token_to_image
            attended = _token_to_image(chunk, attention, token_to_image, queries + chunk.prompts)
            queries = layer.norm2(queries + attended)
            queries = layer.norm3(queries + layer.mlp(queries))
            _image_to_token(chunk, layer, image_to_token, queries)

        queries, prompts = (
            torch.stack([tokens[:, place] for place in wanted_tokens], dim=1)
            for tokens in (queries, chunk.prompts)
        )
        final = self._transformer.final_attn_token_to_image
        attended = _token_to_image(chunk, final, shared.final, queries + prompts)
        return self._transformer.norm_final_attn(queries + attended)


def _sizes(count: int, most: int) -> Iterator[int]:
    """Numbers of prompts that together are `count`, each filled up to one of the sizes by less than half."""
    sizes = [size for size in _SIZES if size <= most] or _SIZES[:1]
    while count:
        above = next((size for size in sizes if count <= size <= 2 * count), None)
        step = count if above else max(size for size in sizes if size <= count)
        yield step
        count -= step


def _self_attention(layer: TwoWayAttentionBlock, queries: Tensor, prompts: Tensor) -> Tensor:
    """The first step of a layer: attention of prompt tokens `(n, P, C)` to each other."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=queries, k=queries, v=queries))
    with_prompts = queries + prompts
    return layer.norm1(queries + layer.self_attn(q=with_prompts, k=with_prompts, v=queries))


def _token_to_image(chunk: _Chunk, attention: Attention, shared: TokenToImage, tokens: Tensor) -> Tensor:
    """Cross attention of `(n, P, C)` prompt tokens to the image, projected back to the same."""
    queries = _split_heads(attention.q_proj(tokens), attention) / shared.keys.shape[1] ** 0.5
    basis_keys, basis_values = (
        _split_heads(F.linear(chunk.coefficients, layer.weight), attention)  # (n, H, R, d)
        for layer in (attention.k_proj, attention.v_proj)
    )
    basis_scores = (queries @ basis_keys.transpose(2, 3)).flatten(1, 2)  # (n, H P, R)

    attended = [
        image.token_to_image(shared, queries[part], basis_scores[part]) for part, image in chunk.slices()
    ]
    on_shared, on_basis = (torch.cat(parts) for parts in zip(*attended, strict=True))
    values = on_shared + on_basis.unflatten(1, queries.shape[1:3]) @ basis_values  # (n, H, P, d)
    return attention.out_proj(values.transpose(1, 2).flatten(2) + attention.v_proj.bias)


def _image_to_token(chunk: _Chunk, layer: TwoWayAttentionBlock, shared: ImageToToken, tokens: Tensor) -> None:
    """Cross attention of the image to `(n, P, C)` prompt tokens, and the LayerNorm behind it."""
    attention = layer.cross_attn_image_to_token
    keys = _split_heads(attention.k_proj(tokens + chunk.prompts), attention) / shared.queries.shape[1] ** 0.5
    basis_queries = _split_heads(F.linear(chunk.coefficients, attention.q_proj.weight), attention)
    basis_scores = (keys @ basis_queries.transpose(2, 3)).flatten(1, 2)  # (n, H P, R)

    # The last prompt token's values are added everywhere, since weights sum up to one: the others' differ.
    projected = attention.v_proj(tokens)
    values = _split_heads(projected, attention)
    values = values[:, :, :-1] - values[:, :, -1:]  # (n, H, P - 1, d)
    chunk.values += (values,)

    # The same behind the output projection, as coefficients of the rows that the basis is going to get.
    outputs = values @ attention.out_proj.weight.T.unflatten(0, (attention.num_heads, -1))  # (n, H, P - 1, C)
    constant = chunk.coefficients[:, :1] + attention.out_proj(projected[:, -1:])
    coefficients = centre(torch.cat([constant, chunk.coefficients[:, 1:], outputs.flatten(1, 2)], dim=1))

    gram = coefficients @ coefficients.transpose(1, 2)  # (n, R', R')
    step = 1 + outputs.shape[1] * outputs.shape[2]
    constants = coefficients[:, 0 : coefficients.shape[1] - 1 : step] @ shared.centred  # (n, layers, T)
    for part, image in chunk.slices():
        values_so_far = tuple(one[part] for one in chunk.values)
        image.image_to_token(
            shared, keys[part], basis_scores[part], values_so_far, gram[part], constants[part]
        )

    # LayerNorm's gains, and its bias in place of the constant, which moves to the row that was put last.
    gained = coefficients * layer.norm4.weight
    offset = layer.norm4.bias.expand(len(gained), 1, -1)
    chunk.coefficients = torch.cat([offset, gained[:, 1:], gained[:, :1]], dim=1)


def _split_heads(tokens: Tensor, attention: Attention) -> Tensor:
    """`(n, P, C)` as `(n, H, P, d)`."""
    return tokens.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
