"""SAM's mask decoder for many prompts of one image, at a tenth of segment_anything's arithmetic.

It is segment_anything's decoder rewritten, not approximated. What prompts make of the image tokens stays in
the form that `low_rank` describes, and masks are made only where the picture is in SAM's square, on a CPU
only of prompts whose predicted IoU is wanted. On CUDA, where launching kernels takes longer than running
them, prompts go through graphs in a few fixed numbers, and every mask is made.

Contract: logits and predicted IoU are upstream's within float32's rounding, 1e-4 of the logits' spread; where
Triton kernels run (`low_rank_kernels`, `upscaling_kernels`) within that of tensor cores, 5e-3 of it.
Reference test: tests/sam/fast/test_decoder.py, against segment_anything's `MaskDecoder`; of SAM 2's
tests/sam/encoders/test_hiera.py, against `sav.sam.decoder`; of graphs and kernels tests/gpu/test_decoder.py.
Gain on a CPU, over `sav.sam.decoder`: 4.1 for 20 boxes and 4.3 for points, the demo's SAM 2.6. SAM 2's boxes
for themselves were not measured. On a GPU see `sav.sam.fast`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import torch
from segment_anything.modeling import Sam
from torch import Tensor

from sav.graphs import Graphs
from sav.sam.encoders import Features
from sav.sam.fast.attempts import Background
from sav.sam.fast.low_rank import LowRankImage, Scratch
from sav.sam.fast.shared_image import SharedImage
from sav.sam.fast.two_way import Chunk, transform
from sav.sam.fast.upscaling import FineTokens, Upscaling
from sav.sam.outputs import (
    ONE,
    THREE,
    Decoded,
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
# Prompts in a chunk for which kernels are worth seconds of compiling, once a machine.
_LEAST_FOR_KERNELS = 64
# Masks of a graph end on such a row and column of tokens: fewer graphs for pictures of many shapes.
_EXTENT_STEP = 8

# What all prompts share; the shared tokens after the first upscaling, `(T, 4 c)`; SAM 2's details.
Shared = tuple[SharedImage, Tensor, FineTokens | None]
# Whether one mask is wanted of each prompt; the grid's rows and columns; those in which masks are wanted.
Settings = tuple[bool, tuple[int, int], tuple[int, int]]


class FastDecoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, chunk_size: int) -> None:
        self._decoder = sam.mask_decoder
        self._transformer = sam.mask_decoder.transformer
        self._prompt_encoder = sam.prompt_encoder
        self._chunk_size = chunk_size
        self._last: tuple[Features, Shared] | None = None
        self._graphs = Graphs()
        self._compiling = Background()

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
        compiled = partial(self._compile, sparse[:1], shared, settings)
        before: Decoded | None = None
        for part in sparse.split(list(_sizes(len(sparse), self._chunk_size))):
            size = next(size for size in _SIZES if size >= len(part))
            filled = torch.cat([part, part[:1].expand(size - len(part), -1, -1)])
            with_kernels = size >= _LEAST_FOR_KERNELS and self._compiling.has_done(
                (sparse.shape[1], settings[0]), compiled
            )
            logits, predicted_iou = self._graphs(self._all_masks, filled, shared, *settings, with_kernels)
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
        with_kernels: bool,
    ) -> tuple[Tensor, Tensor]:
        """Logits `(n, masks, 4 h, 4 w)` of one mask a prompt or of three, and predicted IoU `(n, masks)`."""
        image, upscaled, fine = shared
        upscaling = Upscaling(self._decoder, upscaled, grid_hw, extent_hw, fine)
        chunk = self._chunk(sparse, image, Scratch(sparse), with_kernels)
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

    def _compile(self, sparse: Tensor, shared: Shared, settings: Settings) -> None:
        """Have Triton compile what makes masks, by making some; in a thread beside the one that works."""
        device = sparse.device
        if device.type != "cuda":
            return
        stream = torch.cuda.Stream(device)
        with suppress(RuntimeError), torch.inference_mode(), torch.cuda.stream(stream):
            self._all_masks(sparse, shared, *settings, True)
            stream.synchronize()

    def finish_compiling(self) -> None:
        """Return when the kernels that were asked for are there."""
        self._compiling.wait()

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

    def _chunk(
        self, sparse: Tensor, shared: SharedImage, scratch: Scratch, with_kernels: bool = False
    ) -> Chunk:
        """`(n, P, C)` embedded prompts before the transformer."""
        prompts = torch.cat([own_tokens(self._decoder).expand(len(sparse), -1, -1), sparse], dim=1)

        heads, _, tokens = shared.layers[0][1].queries.shape
        rank = 1 + len(shared.layers) * (heads * (prompts.shape[1] - 1) + 1)
        basis = scratch.take("basis", len(sparse), rank, tokens)
        images = [
            LowRankImage(part, scratch, with_kernels)
            for part in basis.split(1 if basis.device.type in _ONE_BY_ONE else len(sparse))
        ]
        return Chunk(prompts, images, prompts.new_zeros(len(prompts), 1, prompts.shape[2]))

    def _decode(
        self,
        chunk: Chunk,
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

    def _mixers(self, chunk: Chunk, shared: SharedImage, outputs: slice) -> tuple[range, Tensor, Tensor]:
        """Which masks may be wanted, the predicted IoU `(n, masks)` of all, and what mixes those.

        The mixers `(n, chosen masks, channels)` are of channels of the upscaled image.
        """
        decoder = self._decoder
        masks = range(decoder.num_mask_tokens)
        chosen = masks if falls_back(decoder, outputs) else masks[outputs]
        place = iou_place(decoder)
        wanted_tokens = [place, *(place + 1 + output for output in chosen)]
        iou_token, *mask_tokens = transform(self._transformer, chunk, shared, wanted_tokens).unbind(1)

        mlps = [decoder.output_hypernetworks_mlps[output] for output in chosen]
        mixers = torch.stack([mlp(token) for mlp, token in zip(mlps, mask_tokens, strict=True)], dim=1)
        return chosen, decoder.iou_prediction_head(iou_token), mixers


def _sizes(count: int, most: int) -> Iterator[int]:
    """Numbers of prompts that together are `count`, each filled up to one of the sizes by less than half."""
    sizes = [size for size in _SIZES if size <= most] or _SIZES[:1]
    while count:
        above = next((size for size in sizes if count <= size <= 2 * count), None)
        step = count if above else max(size for size in sizes if size <= count)
        yield step
        count -= step
