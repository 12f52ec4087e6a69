"""What the prompts of SAM's mask decoder share of an image in low rank, computed once an image.

See `sav.sam.fast.low_rank`. Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from typing import NamedTuple

from segment_anything.modeling.transformer import Attention, TwoWayTransformer
from torch import Tensor


class TokenToImage(NamedTuple):
    """The shared image tokens as a cross attention from prompt tokens to the image has them, for each head.

    Attributes:
        keys: `(H, d, T)`; in the first layer with those of the position encoding.
        positions: `(H, d, T)`, keys of the position encoding.
        values: `(H, T, d)`.
    """

    keys: Tensor
    positions: Tensor
    values: Tensor

    @classmethod
    def of(cls, attention: Attention, keys: Tensor, position: Tensor, values: Tensor) -> TokenToImage:
        """Project `(T, C)` tokens, their position encoding, and the tokens that give the values."""
        # The bias of the keys adds the same to all scores of a query, which changes nothing.
        return cls(
            _split_heads(attention.k_proj.weight @ keys.T, attention),
            _split_heads(attention.k_proj.weight @ position.T, attention),
            _split_heads(attention.v_proj.weight @ values.T, attention).transpose(1, 2).contiguous(),
        )


class ImageToToken(NamedTuple):
    """The shared image tokens as a cross attention from the image to prompt tokens has them, and LayerNorm.

    Attributes:
        queries: `(H, d, T)`; in the first layer with those of the position encoding.
        positions: `(H, d, T)`, queries of the position encoding.
        centred: `(C, T)`, the shared tokens less their mean.
        squares: `(T,)`, the squared length of these.
        value_products: For each layer up to this one `(H, d, T)`, products of the centred tokens with the
            output projection of each head.
        eps: What LayerNorm adds to the variance.
    """

    queries: Tensor
    positions: Tensor
    centred: Tensor
    squares: Tensor
    value_products: tuple[Tensor, ...]
    eps: float


class SharedImage(NamedTuple):
    """All that is computed once an image.

    Attributes:
        layers: For each layer what its two cross attentions need.
        final: What the attention behind the layers needs.
        tokens: `(T, C)`, the shared tokens behind the last layer.
    """

    layers: tuple[tuple[TokenToImage, ImageToToken], ...]
    final: TokenToImage
    tokens: Tensor

    @classmethod
    def of(cls, transformer: TwoWayTransformer, tokens: Tensor, position: Tensor) -> SharedImage:
        """Prepare `(T, C)` tokens and their position encoding."""
        layers: list[tuple[TokenToImage, ImageToToken]] = []
        projections: list[Tensor] = []  # output projection of each layer's heads, as it is by now: (D, C)
        for layer in transformer.layers:
            with_position = tokens if layers else tokens + position
            token_to_image = TokenToImage.of(layer.cross_attn_token_to_image, with_position, position, tokens)

            attention = layer.cross_attn_image_to_token
            bias = 0 if layers else attention.q_proj.bias[:, None]
            queries = attention.q_proj.weight @ with_position.T + bias  # (D, T)
            positions = attention.q_proj(position).T  # (D, T)

            centred = centre(tokens)
            projections = [centre(one) for one in (*projections, attention.out_proj.weight.T)]
            image_to_token = ImageToToken(
                _split_heads(queries, attention),
                _split_heads(positions, attention),
                centred.T,
                centred.square().sum(1),
                tuple(_split_heads(one @ centred.T, attention) for one in projections),
                layer.norm4.eps,
            )
            layers.append((token_to_image, image_to_token))

            # LayerNorm's gains; what it divides by depends on the prompt, and goes into the scale.
            projections = [one * layer.norm4.weight for one in projections]
            tokens = centred * layer.norm4.weight
        final = TokenToImage.of(transformer.final_attn_token_to_image, tokens, position, tokens)
        return cls(tuple(layers), final, tokens)


def _split_heads(channels: Tensor, attention: Attention) -> Tensor:
    """`(D, T)` as `(H, d, T)`."""
    return channels.reshape(attention.num_heads, -1, channels.shape[1]).contiguous()


def centre(vectors: Tensor) -> Tensor:
    """`(..., C)` less the mean over the channels."""
    return vectors - vectors.mean(-1, keepdim=True)
