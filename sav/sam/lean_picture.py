"""A picture as the prompts of SAM's mask decoder see it, without ever writing it down for each of them.

In the two-way transformer a prompt changes the picture's tokens in two ways only: it adds a weighted sum of
the few vectors that its own tokens send out, and it normalises. So at every depth the T tokens of C channels
are

    scale * shared + basis^T @ coefficients

where only `shared`, `(T, C)`, is large, and is the same for all prompts; a prompt's own are a number a token,
the weights of its attention, `(R, T)`, and `(R, C)`. After two layers R is 99 for a box or a point. All that
the decoder asks of the picture is linear in it: of `shared` it is computed once a picture, of the rest for R
rows instead of C channels. Vectors that leave an attention head have rank `d`, so products of these with the
shared tokens are made from `(d, T)` a head. The variance that LayerNorm divides by follows from the same
products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from segment_anything.modeling.transformer import Attention, TwoWayTransformer
from torch import Tensor


@dataclass(frozen=True)
class Asked:
    """The shared tokens as an attention from prompt to picture has them, for each head.

    Attributes:
        keys: `(H, d, T)`; in the first layer with those of the position encoding.
        positions: `(H, d, T)`, keys of the position encoding.
        values: `(H, T, d)`.
    """

    keys: Tensor
    positions: Tensor
    values: Tensor


@dataclass(frozen=True)
class Told:
    """The shared tokens as an attention from picture to prompt has them, and the LayerNorm behind it.

    Attributes:
        queries: `(H, d, T)`; in the first layer with those of the position encoding.
        positions: `(H, d, T)`, queries of the position encoding.
        centred: `(C, T)`, the shared tokens less their mean.
        squares: `(T,)`, the squared length of these.
        answers: For each layer up to this one `(H, d, T)`, their products with what a head of it sends out.
        eps: What LayerNorm adds to the variance.
    """

    queries: Tensor
    positions: Tensor
    centred: Tensor
    squares: Tensor
    answers: tuple[Tensor, ...]
    eps: float


@dataclass(frozen=True)
class SharedPicture:
    """All that is computed once a picture.

    Attributes:
        layers: For each layer what its two attentions to and from the picture need.
        final: What the attention behind the layers needs.
        tokens: `(T, C)`, the shared tokens behind the last layer.
    """

    layers: tuple[tuple[Asked, Told], ...]
    final: Asked
    tokens: Tensor

    @classmethod
    def of(cls, transformer: TwoWayTransformer, tokens: Tensor, position: Tensor) -> SharedPicture:
        """Prepare `(T, C)` tokens and their position encoding."""
        layers: list[tuple[Asked, Told]] = []
        sent: list[Tensor] = []  # what heads of each layer send out, as it is now: (D, C)
        for layer in transformer.layers:
            seen = tokens if layers else tokens + position
            asked = _asked(layer.cross_attn_token_to_image, seen, position, tokens)
            told = layer.cross_attn_image_to_token
            bias = 0 if layers else told.q_proj.bias[:, None]
            queries = _by_head(told.q_proj.weight @ seen.T + bias, told)
            positions = _by_head(told.q_proj(position).T, told)
            sent = [centre(vectors) for vectors in (*sent, told.out_proj.weight.T)]
            centred = centre(tokens)
            answers = tuple(_by_head(vectors @ centred.T, told) for vectors in sent)
            squares = centred.square().sum(1)
            layers.append((asked, Told(queries, positions, centred.T, squares, answers, layer.norm4.eps)))
            sent = [vectors * layer.norm4.weight for vectors in sent]
            tokens = centred * layer.norm4.weight
        final = _asked(transformer.final_attn_token_to_image, tokens, position, tokens)
        return cls(tuple(layers), final, tokens)


def _asked(attention: Attention, keys: Tensor, position: Tensor, values: Tensor) -> Asked:
    # The bias of the keys adds the same to all scores of a query, which changes nothing.
    return Asked(
        _by_head(attention.k_proj.weight @ keys.T, attention),
        _by_head(attention.k_proj.weight @ position.T, attention),
        _by_head(attention.v_proj.weight @ values.T, attention).transpose(1, 2).contiguous(),
    )


def _by_head(channels: Tensor, attention: Attention) -> Tensor:
    """`(D, T)` as `(H, d, T)`."""
    return channels.reshape(attention.num_heads, -1, channels.shape[1]).contiguous()


def centre(vectors: Tensor) -> Tensor:
    """`(..., C)` less the mean over the channels."""
    return vectors - vectors.mean(-1, keepdim=True)


class Scratch:
    """Memory that is used again for every lot of prompts: fresh pages are dearer than the sums on them."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Uninitialised memory; what was taken under the same name before is lost."""
        size = math.prod(shape)
        if name not in self._buffers or len(self._buffers[name]) < size:
            self._buffers[name] = self._like.new_empty(size)
        return self._buffers[name][:size].view(shape)


class SeenPicture:
    """The tokens of a picture as `m` prompts have changed them: `scale * shared + basis^T @ coefficients`.

    The coefficients `(m, R, C)` are with the prompts. The first row of the basis is ones: its coefficients
    are what is added to every token alike.
    """

    def __init__(self, basis: Tensor, scratch: Scratch) -> None:
        """Start with a picture that nothing has changed, in memory for the basis, `(m, largest R, T)`."""
        self.scale = basis.new_ones(len(basis), 1, basis.shape[2])
        self._memory, self._scratch = basis, scratch
        self._memory[:, 0] = 1
        self._rank = 1

    @property
    def basis(self) -> Tensor:
        """`(m, R, T)`."""
        return self._memory[:, : self._rank]

    def ask(self, asked: Asked, queries: Tensor, low_keys: Tensor) -> tuple[Tensor, Tensor]:
        """Attention of prompts to the picture.

        Args:
            asked: The shared tokens.
            queries: `(m, H, P, d)`, with the scale of the attention.
            low_keys: `(m, H P, R)`, the products of the queries with the keys of the coefficients.

        Returns:
            What the attention weights make of the values of the shared tokens, `(m, H, P, d)`, and of the
            basis, `(m, H P, R)`.
        """
        scores = self._scores(queries, asked.keys, asked.positions, low_keys)
        weights = torch.softmax(scores, -1, out=self._scratch.take("weights", *scores.shape))
        on_basis = weights.flatten(1, 2) @ self.basis.transpose(1, 2)
        return _gathered(weights.mul_(self.scale[:, None]), asked.values), on_basis

    def tell(
        self,
        told: Told,
        keys: Tensor,
        low_queries: Tensor,
        values: tuple[Tensor, ...],
        gram: Tensor,
        constants: Tensor,
    ) -> None:
        """Attention of the picture to prompts, added to it, and the LayerNorm behind, but for its gains.

        The weights of a head add up to one, so that those of the last prompt token need no rows. The basis
        gets a row for each head and other token, and one for what was added to all tokens before.

        Args:
            told: The shared tokens.
            keys: `(m, H, P, d)`, with the scale of the attention.
            low_queries: `(m, H P, R)`, the products of the keys with the queries of the coefficients.
            values: Of each layer so far `(m, H, P - 1, d)`, by how much the values of a prompt token are more
                than those of the last.
            gram: `(m, R', R')`, the products of the coefficients of the basis, as it is behind the
                attention, with each other.
            constants: `(m, layers, T)`, the products of the centred tokens with the coefficients of all rows
                that belong to no value: the first, then those that each earlier layer put last.
        """
        scores = self._scores(keys, told.queries, told.positions, low_queries)
        weights = torch.softmax(scores, 2, out=self._scratch.take("weights", *scores.shape))
        count = weights.shape[1] * (weights.shape[2] - 1)
        added = self._memory[:, self._rank : self._rank + count]
        added.unflatten(1, (weights.shape[1], -1)).copy_(weights[:, :, :-1])
        self._rank += count
        inverse = (self._squares(told, values, gram, constants) / len(told.centred) + told.eps).rsqrt_()
        self.scale *= inverse
        self.basis[:, 1:].mul_(inverse)
        self._memory[:, self._rank] = inverse[:, 0]
        self._rank += 1

    def _scores(self, small: Tensor, shared: Tensor, positions: Tensor, low: Tensor) -> Tensor:
        """Products of `(m, H, P, d)` with the picture's `(m, H, T, d)`: `(m, H, P, T)`."""
        scores = _spread(small, shared, self._scratch.take("scores", *small.shape[:3], shared.shape[2]))
        if self._rank == 1:
            return scores
        scores *= self.scale[:, None]
        scores.flatten(1, 2).baddbmm_(low, self.basis)
        return _spread(small, positions, scores, is_added=True)

    def _squares(self, told: Told, values: tuple[Tensor, ...], gram: Tensor, constants: Tensor) -> Tensor:
        """The squared length of each centred token, `(m, 1, T)`."""
        basis = self.basis
        half = torch.bmm(gram, basis, out=self._scratch.take("half", *basis.shape))
        half[:, 0].addcmul_(constants[:, 0], self.scale[:, 0], value=2)
        start = 1
        for number, (value, answers) in enumerate(zip(values, told.answers, strict=True), start=1):
            memory = self._scratch.take("scores", *value.shape[:3], answers.shape[2])
            product = _spread(value, answers, memory).flatten(1, 2)
            stop = start + product.shape[1]
            half[:, start:stop].addcmul_(product, self.scale, value=2)
            if number < len(values):
                half[:, stop].addcmul_(constants[:, number], self.scale[:, 0], value=2)
            start = stop + 1
        squares = half.mul_(basis).sum(1, keepdim=True)
        return squares.addcmul_(self.scale.square(), told.squares).clamp_(min=0)


def _spread(small: Tensor, shared: Tensor, out: Tensor, is_added: bool = False) -> Tensor:
    """`(m, H, P, d)` times `(H, d, T)`, written or added to `(m, H, P, T)`."""
    if len(small) == 1:
        torch.baddbmm(out[0], small[0], shared, beta=int(is_added), out=out[0])
        return out
    heads, dim, tokens = shared.shape
    product = small.transpose(0, 1).reshape(heads, -1, dim) @ shared
    product = product.view(heads, len(small), -1, tokens).transpose(0, 1)
    return out.add_(product) if is_added else out.copy_(product)


def _gathered(weights: Tensor, values: Tensor) -> Tensor:
    """`(m, H, P, T)` times `(H, T, d)`: `(m, H, P, d)`."""
    heads, _, dim = values.shape
    product = weights.transpose(0, 1).reshape(heads, -1, weights.shape[3]) @ values
    return product.view(heads, len(weights), -1, dim).transpose(0, 1)
