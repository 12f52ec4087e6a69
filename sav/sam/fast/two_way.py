"""The two-way transformer of SAM's mask decoder, on image tokens in low rank.

See `sav.sam.fast.low_rank`. Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer
from torch import Tensor
from torch.nn import functional as F

from sav.sam.fast.low_rank import LowRankImage
from sav.sam.fast.shared_image import ImageToToken, SharedImage, TokenToImage, centre


@dataclass
class Chunk:
    """Prompts that are decoded together, of one picture or as many of each of several.

    Attributes:
        prompts: `(n, P, C)`, their tokens as they enter the transformer, picture by picture.
        pictures: What the prompts of each picture share.
        images: The image tokens as they have changed them, some prompts of one picture each.
        coefficients: `(n, R, C)` of these.
        values: Of each layer so far `(n, H, P - 1, d)`; see `LowRankImage.image_to_token`.
    """

    prompts: Tensor
    pictures: Sequence[SharedImage]
    images: list[LowRankImage]
    coefficients: Tensor
    values: tuple[Tensor, ...] = ()

    def slices(self) -> Iterator[tuple[slice, LowRankImage, int]]:
        """The images, which prompts belong to each, and which picture."""
        start, of_each = 0, len(self.prompts) // len(self.pictures)
        for image in self.images:
            stop = start + len(image.scale)
            yield slice(start, stop), image, start // of_each
            start = stop


def transform(transformer: TwoWayTransformer, chunk: Chunk, wanted_tokens: list[int]) -> Tensor:
    """The two-way transformer: the wanted prompt tokens as they leave it, `(n, wanted, C)`."""
    queries = chunk.prompts
    of_layers = zip(*(picture.layers for picture in chunk.pictures), strict=True)
    for layer, of_pictures in zip(transformer.layers, of_layers, strict=True):
        token_to_image, image_to_token = zip(*of_pictures, strict=True)
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
    final = transformer.final_attn_token_to_image
    attended = _token_to_image(chunk, final, [one.final for one in chunk.pictures], queries + prompts)
    return transformer.norm_final_attn(queries + attended)


def _self_attention(layer: TwoWayAttentionBlock, queries: Tensor, prompts: Tensor) -> Tensor:
    """The first step of a layer: attention of prompt tokens `(n, P, C)` to each other."""
    if layer.skip_first_layer_pe:
        return layer.norm1(layer.self_attn(q=queries, k=queries, v=queries))
    with_prompts = queries + prompts
    return layer.norm1(queries + layer.self_attn(q=with_prompts, k=with_prompts, v=queries))


def _token_to_image(
    chunk: Chunk, attention: Attention, shared: Sequence[TokenToImage], tokens: Tensor
) -> Tensor:
    """Cross attention of `(n, P, C)` prompt tokens to the image, projected back to the same."""
    queries = _split_heads(attention.q_proj(tokens), attention) / shared[0].keys.shape[1] ** 0.5
    basis_keys, basis_values = (
        _split_heads(F.linear(chunk.coefficients, layer.weight), attention)  # (n, H, R, d)
        for layer in (attention.k_proj, attention.v_proj)
    )
    basis_scores = (queries @ basis_keys.transpose(2, 3)).flatten(1, 2)  # (n, H P, R)

    attended = [
        image.token_to_image(shared[picture], queries[part], basis_scores[part])
        for part, image, picture in chunk.slices()
    ]
    on_shared, on_basis = (torch.cat(parts) for parts in zip(*attended, strict=True))
    values = on_shared + on_basis.unflatten(1, queries.shape[1:3]) @ basis_values  # (n, H, P, d)
    return attention.out_proj(values.transpose(1, 2).flatten(2) + attention.v_proj.bias)


def _image_to_token(
    chunk: Chunk, layer: TwoWayAttentionBlock, shared: Sequence[ImageToToken], tokens: Tensor
) -> None:
    """Cross attention of the image to `(n, P, C)` prompt tokens, and the LayerNorm behind it."""
    attention = layer.cross_attn_image_to_token
    keys = _split_heads(attention.k_proj(tokens + chunk.prompts), attention)
    keys = keys / shared[0].queries.shape[1] ** 0.5
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
    rows = coefficients[:, 0 : coefficients.shape[1] - 1 : step].chunk(len(shared))
    # (n, layers, T)
    constants = torch.cat([some @ one.centred for some, one in zip(rows, shared, strict=True)])
    for part, image, picture in chunk.slices():
        values_so_far = tuple(one[part] for one in chunk.values)
        image.image_to_token(
            shared[picture], keys[part], basis_scores[part], values_so_far, gram[part], constants[part]
        )

    # LayerNorm's gains, and its bias in place of the constant, which moves to the row that was put last.
    gained = coefficients * layer.norm4.weight
    offset = layer.norm4.bias.expand(len(gained), 1, -1)
    chunk.coefficients = torch.cat([offset, gained[:, 1:], gained[:, :1]], dim=1)


def _split_heads(tokens: Tensor, attention: Attention) -> Tensor:
    """`(n, P, C)` as `(n, H, P, d)`."""
    return tokens.unflatten(2, (attention.num_heads, -1)).transpose(1, 2)
