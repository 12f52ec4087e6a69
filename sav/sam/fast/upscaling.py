"""Masks from image tokens in low rank: transposed convolutions of SAM's mask decoder, and its mixers.

Neighbouring squares of a transposed convolution with a stride of its own size do not touch, so that each is a
matrix product, token by token, and some rows of the image can be done at a time, in a CPU's cache.

Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from segment_anything.modeling import MaskDecoder
from torch import Tensor, nn
from torch.nn import functional as F

from sav.sam.encoders import Features
from sav.sam.fast.attempts import Attempts
from sav.sam.fast.low_rank import LowRankImage

# Bytes of the largest tensor on the way from some rows of the image to their masks.
_CHUNK_BYTES = {"cpu": 2**20}
_attempts = Attempts("masks are made")
# Channels that are mixed for which the kernel is made: 32 in all official checkpoints.
_KERNEL_CHANNELS = (16, 32, 64)


class FineTokens(NamedTuple):
    """SAM 2's details, token by token, as the convolutions give what they are added to.

    Attributes:
        first: `(h, w, 4 c)`, behind the first: row, column, channel of the four squares of a token.
        second: `(h, w, 4, 4 c)`, behind the second, of each of these.
    """

    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, features: Features) -> FineTokens:
        """Lay out the details of one picture."""
        finest, finer = features.fine
        rows, columns = features.coarse.shape[-2:]
        first = finer[0].view(-1, rows, 2, columns, 2).permute(1, 3, 2, 4, 0)  # (h, w, 2, 2, c)
        second = finest[0].view(-1, rows, 2, 2, columns, 2, 2).permute(1, 4, 2, 5, 3, 6, 0)
        return cls(first.flatten(2), second.flatten(4).flatten(2, 3))

    def part(self, rows: slice, columns: slice) -> FineTokens:
        """Those of some tokens."""
        return FineTokens(self.first[rows, columns], self.second[rows, columns])


class Upscaling:
    """Makes the masks of one image.

    Attributes:
        grid_hw: Rows and columns of the image's tokens.
        extent_hw: In how many of them masks are wanted.
    """

    def __init__(
        self,
        decoder: MaskDecoder,
        shared: Tensor,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
        fine: FineTokens | None = None,
    ) -> None:
        """Prepare for `(T, 4 c)` shared tokens that went through the first convolution, `first_weights`."""
        self.grid_hw = grid_hw
        self.extent_hw = min(grid_hw[0], extent_hw[0]), min(grid_hw[1], extent_hw[1])
        self._first, self._norm, _, self._second, _ = decoder.output_upscaling
        self._shared = shared.unflatten(0, grid_hw)
        self._fine = fine
        self._second_weights = _weights(self._second)
        self._second_bias = self._second.bias.repeat(4)

    @staticmethod
    def first_weights(decoder: MaskDecoder) -> Tensor:
        """The first convolution as a matrix, `(C, 4 c)`."""
        return _weights(decoder.output_upscaling[0])

    def coefficients(self, coefficients: Tensor) -> Tensor:
        """Those `(n, R, C)` of a `LowRankImage` behind the first convolution, `(n, R, 4 c)`."""
        upscaled = coefficients @ _weights(self._first)
        upscaled[:, 0] += self._first.bias.repeat(4)
        return upscaled

    def masks(
        self, image: LowRankImage, coefficients: Tensor, mixers: Tensor, wanted: Tensor | None = None
    ) -> Tensor:
        """The wanted masks of the prompts that an image belongs to.

        Args:
            image: The image tokens as `m` prompts have changed them.
            coefficients: `(m, R, 4 c)`, behind the first convolution.
            mixers: `(m, masks, channels)`, how each mask is mixed of the channels of the upscaled image.
            wanted: `(m, masks)` bool; by default all are.

        Returns:
            Logits `(K, 4 h, 4 w)` of the K wanted masks, 0 outside of the extent.
        """
        if image.with_kernels and wanted is None and mixers.shape[2] in _KERNEL_CHANNELS:
            logits = _attempts(mixers.device, lambda: self._masks_by_kernel(image, coefficients, mixers))
            if logits is not None:
                return logits

        count = mixers.shape[0] * mixers.shape[1] if wanted is None else int(wanted.sum())
        logits = mixers.new_zeros(count, 4 * self.grid_hw[0], 4 * self.grid_hw[1])
        if not count:
            return logits
        basis, scale, columns = image.basis, image.scale, self.extent_hw[1]
        if wanted is not None:
            prompts = wanted.any(1)
            if not prompts.all():
                basis, scale, coefficients, mixers = (
                    x[prompts] for x in (basis, scale, coefficients, mixers)
                )
            wanted = wanted[prompts]

        # The channels of four neighbours lie side by side, and are mixed at once: (m, 4 channels, 4 masks).
        same = torch.eye(4, device=mixers.device)
        mixing = torch.einsum("mkc,st->msctk", mixers, same).flatten(3).flatten(1, 2)
        for rows in self._row_chunks(len(mixers)):
            part_basis, part_scale = (
                x.unflatten(2, self.grid_hw)[:, :, rows, :columns].flatten(2) for x in (basis, scale)
            )
            shared = self._shared[rows, :columns].flatten(0, 1)  # (tokens, 4 c)
            fine = self._fine and FineTokens(
                self._fine.first[rows, :columns], self._fine.second[rows, :columns]
            )
            mixed = self._mixed(part_basis, part_scale, shared, coefficients, mixing, fine)

            # (m, rows, columns, 2, 2, 2, 2, masks), the twos being rows and columns of both convolutions
            mixed = mixed.view(len(mixers), -1, columns, 2, 2, 2, 2, mixers.shape[1])
            mixed = mixed.permute(0, 7, 1, 3, 5, 2, 4, 6)  # (m, masks, rows, 2, 2, columns, 2, 2)
            part = slice(4 * rows.start, 4 * rows.stop)
            masks = mixed.flatten(0, 1) if wanted is None else mixed[wanted]
            logits[:, part, : 4 * columns] = masks.flatten(4, 6).flatten(1, 3)
        return logits

    def _masks_by_kernel(self, image: LowRankImage, coefficients: Tensor, mixers: Tensor) -> Tensor:
        from sav.sam.fast import upscaling_kernels as kernels

        norm = self._norm
        weights = kernels.Weights(norm.weight, norm.bias, norm.eps, self._second_weights, self._second.bias)
        image_tokens = image.basis, image.scale, coefficients, self._shared
        return kernels.masks(*image_tokens, self._fine, mixers, weights, self.extent_hw)

    def _row_chunks(self, prompts: int) -> Iterator[slice]:
        """Rows of tokens that are upscaled at once."""
        rows, columns = self.extent_hw
        row_bytes = 4 * 4 * prompts * columns * len(self._second_bias)
        size = max(1, _CHUNK_BYTES.get(self._shared.device.type, 2**29) // row_bytes)
        for start in range(0, rows, size):
            yield slice(start, min(rows, start + size))

    def _mixed(
        self,
        basis: Tensor,
        scale: Tensor,
        shared: Tensor,
        coefficients: Tensor,
        mixing: Tensor,
        fine: FineTokens | None,
    ) -> Tensor:
        """Mixed masks of `t` tokens, `(m, 4 t, 4 masks)`, from `(m, R, t)`, `(m, 1, t)` and `(t, 4 c)`."""
        once = scale.transpose(1, 2) * shared  # (m, t, 4 c)
        if fine:
            once += fine.first.flatten(0, 1)
        once.baddbmm_(basis.transpose(1, 2), coefficients)
        norm = self._norm
        once = once.view(-1, len(norm.weight))  # (4 m t, c)
        once = torch.ops.aten.gelu_(F.layer_norm(once, norm.weight.shape, norm.weight, norm.bias, norm.eps))

        twice = torch.addmm(self._second_bias, once, self._second_weights)  # (4 m t, 4 c)
        twice = twice.view(len(mixing), -1, twice.shape[1])
        if fine:
            twice += fine.second.flatten(0, 2)
        return torch.ops.aten.gelu_(twice) @ mixing


def _weights(convolution: nn.ConvTranspose2d) -> Tensor:
    """A transposed 2x2 convolution as a matrix, `(C, 4 c)`: row, column, channel of the result."""
    return convolution.weight.permute(0, 2, 3, 1).flatten(1)
