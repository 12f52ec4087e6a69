"""The image tokens as the prompts of SAM's mask decoder change them, never written down for each prompt.

In the two-way transformer a prompt changes the image tokens in two ways only: it adds a weighted sum of the
few vectors that its own tokens contribute, and it normalises. So at every depth the T tokens of C channels
are

    scale * shared + basis^T @ coefficients

where only `shared`, `(T, C)`, is large, and is the same for all prompts; a prompt's own are a number a token,
the weights of its attention, `(R, T)`, and `(R, C)`. After two layers R is 99 for a box or a point. All that
the decoder computes from the image is linear in it: from `shared` once an image, from the rest for R rows
instead of C channels. Vectors that leave an attention head have rank `d`, so products of these with the
shared tokens are made from `(d, T)` a head. The variance that LayerNorm divides by follows from the same
products.

Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from sav.sam.fast.attempts import Attempts
from sav.sam.fast.shared_image import ImageToToken, TokenToImage

Result = TypeVar("Result")
_attempts = Attempts("image tokens are looked at")
# Channels of all heads from which on products suit tensor cores.
_LEAST_CHANNELS = 16


class Scratch:
    """Memory that is used again for every chunk of prompts: fresh pages are dearer than the sums on them."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._buffers: dict[str, Tensor] = {}

    def take(self, name: str, *shape: int) -> Tensor:
        """Uninitialised memory; what was taken under the same name before is lost."""
        size = math.prod(shape)
        if name not in self._buffers or len(self._buffers[name]) < size:
            self._buffers[name] = self._like.new_empty(size)
        return self._buffers[name][:size].view(shape)


class LowRankImage:
    """Image tokens as `m` prompts have changed them: `scale * shared + basis^T @ coefficients`.

    The coefficients `(m, R, C)` are with the prompts. The first row of the basis is ones: its coefficients
    are what is added to every token alike.
    """

    def __init__(self, basis: Tensor, scratch: Scratch, with_kernels: bool = False) -> None:
        """Start with an image that nothing has changed, in memory for the basis, `(m, largest R, T)`."""
        self.with_kernels = with_kernels
        self.scale = basis.new_ones(len(basis), 1, basis.shape[2])
        self._memory, self._scratch = basis, scratch
        self._memory[:, 0].fill_(1)
        self._rank = 1

    @property
    def basis(self) -> Tensor:
        """`(m, R, T)`."""
        return self._memory[:, : self._rank]

    def token_to_image(
        self, shared: TokenToImage, queries: Tensor, basis_scores: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross attention of prompt tokens to the image.

        Args:
            shared: The shared tokens.
            queries: `(m, H, P, d)`, with the scale of the attention.
            basis_scores: `(m, H P, R)`, the products of the queries with the keys of the coefficients.

        Returns:
            What the attention weights make of the values of the shared tokens, `(m, H, P, d)`, and of the
            basis, `(m, H P, R)`.
        """

        def by_kernel() -> tuple[Tensor, Tensor]:
            from sav.sam.fast.token_to_image_kernels import token_to_image

            return token_to_image(shared, queries, basis_scores, self.basis, self.scale)

        attended = self._try_kernel(queries, by_kernel)
        if attended is not None:
            return attended

        scores = self._scores(queries, shared.keys, shared.positions, basis_scores)  # (m, H, P, T)
        weights = torch.softmax(scores, -1, out=self._scratch.take("weights", *scores.shape))
        on_basis = weights.flatten(1, 2) @ self.basis.transpose(1, 2)  # (m, H P, R)
        return _weighted_values(weights.mul_(self.scale[:, None]), shared.values), on_basis

    def image_to_token(
        self,
        shared: ImageToToken,
        keys: Tensor,
        basis_scores: Tensor,
        values: tuple[Tensor, ...],
        gram: Tensor,
        constants: Tensor,
    ) -> None:
        """Cross attention of the image to prompt tokens, added to it, and the LayerNorm behind but its gains.

        The weights of a head add up to one, so that those of the last prompt token need no rows. The basis
        gets a row for each head and other token, and one for what was added to all tokens before.

        Args:
            shared: The shared tokens.
            keys: `(m, H, P, d)`, with the scale of the attention.
            basis_scores: `(m, H P, R)`, the products of the keys with the queries of the coefficients.
            values: Of each layer so far `(m, H, P - 1, d)`, by how much the values of a prompt token are more
                than those of the last.
            gram: `(m, R', R')`, the products of the coefficients of the basis, as it is behind the
                attention, with each other.
            constants: `(m, layers, T)`, the products of the centred tokens with the coefficients of all rows
                that belong to no value: the first, then those that each earlier layer put last.
        """

        def by_kernel() -> int:
            from sav.sam.fast.image_to_token_kernels import image_to_token

            return image_to_token(
                (shared.queries, shared.positions, torch.stack(shared.value_products), shared.squares),
                keys,
                basis_scores,
                torch.stack(values, 1),
                gram,
                constants,
                len(shared.centred),
                shared.eps,
                self._memory,
                self._rank,
                self.scale,
            )

        new_rank = self._try_kernel(keys, by_kernel)
        if new_rank is not None:
            self._rank = new_rank
            return

        scores = self._scores(keys, shared.queries, shared.positions, basis_scores)  # (m, H, P, T)
        weights = torch.softmax(scores, 2, out=self._scratch.take("weights", *scores.shape))
        self._append(weights[:, :, :-1])

        variance = self._squares(shared, values, gram, constants) / len(shared.centred)
        inverse = (variance + shared.eps).rsqrt_()  # (m, 1, T)
        self.scale *= inverse
        self.basis[:, 1:].mul_(inverse)
        # The row of ones stays; what its coefficients were before goes on in a row of its own.
        self._append(inverse[:, None])

    def _try_kernel(self, heads: Tensor, launch: Callable[[], Result]) -> Result | None:
        """What a Triton kernel makes of `(m, H, P, d)`; None where there is none for these sizes."""
        _, count, _, dim = heads.shape
        is_odd = count & (count - 1) or dim & (dim - 1)
        if not self.with_kernels or is_odd or count * dim < _LEAST_CHANNELS:
            return None
        return _attempts(heads.device, launch)

    def _append(self, rows: Tensor) -> None:
        """Put `(m, H, P, T)` behind the rows of the basis."""
        count = rows.shape[1] * rows.shape[2]
        added = self._memory[:, self._rank : self._rank + count]
        added.unflatten(1, rows.shape[1:3]).copy_(rows)
        self._rank += count

    def _scores(self, small: Tensor, shared: Tensor, positions: Tensor, basis_scores: Tensor) -> Tensor:
        """Products of `(m, H, P, d)` with the image's `(m, H, d, T)`: `(m, H, P, T)`."""
        scores = _spread(small, shared, self._scratch.take("scores", *small.shape[:3], shared.shape[2]))
        if self._rank == 1:
            return scores
        scores *= self.scale[:, None]
        scores.flatten(1, 2).baddbmm_(basis_scores, self.basis)
        return _spread(small, positions, scores, is_added=True)

    def _squares(
        self, shared: ImageToToken, values: tuple[Tensor, ...], gram: Tensor, constants: Tensor
    ) -> Tensor:
        """The squared length of each centred token, `(m, 1, T)`."""
        basis = self.basis
        # |s a + b^T c|^2 = s^2 |a|^2 + b . (gram b + 2 s (c a)): `half` becomes what stands in brackets.
        half = torch.bmm(gram, basis, out=self._scratch.take("half", *basis.shape))  # (m, R, T)
        half[:, 0].addcmul_(constants[:, 0], self.scale[:, 0], value=2)

        start = 1
        for number, (value, of_heads) in enumerate(zip(values, shared.value_products, strict=True), start=1):
            memory = self._scratch.take("scores", *value.shape[:3], of_heads.shape[2])
            product = _spread(value, of_heads, memory).flatten(1, 2)  # (m, H (P - 1), T)
            stop = start + product.shape[1]
            half[:, start:stop].addcmul_(product, self.scale, value=2)
            if number < len(values):
                half[:, stop].addcmul_(constants[:, number], self.scale[:, 0], value=2)
            start = stop + 1

        squares = half.mul_(basis).sum(1, keepdim=True)
        return squares.addcmul_(self.scale.square(), shared.squares).clamp_(min=0)


def _spread(small: Tensor, shared: Tensor, out: Tensor, is_added: bool = False) -> Tensor:
    """`(m, H, P, d)` times `(H, d, T)`, written or added to `(m, H, P, T)`."""
    if len(small) == 1:
        torch.baddbmm(out[0], small[0], shared, beta=int(is_added), out=out[0])
        return out
    heads, dim, tokens = shared.shape
    product = small.transpose(0, 1).reshape(heads, -1, dim) @ shared  # (H, m P, T)
    product = product.view(heads, len(small), -1, tokens).transpose(0, 1)  # (m, H, P, T)
    return out.add_(product) if is_added else out.copy_(product)


def _weighted_values(weights: Tensor, values: Tensor) -> Tensor:
    """`(m, H, P, T)` times `(H, T, d)`: `(m, H, P, d)`."""
    heads, tokens, dim = values.shape
    product = weights.transpose(0, 1).reshape(heads, -1, tokens) @ values  # (H, m P, d)
    return product.view(heads, len(weights), -1, dim).transpose(0, 1)
