"""The fast decoder on CUDA, where launching kernels takes longer than running them.

Prompts go through graphs in a few fixed numbers, and every mask of each is made.
Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import torch
from torch import Tensor

from sav.graphs import Graphs
from sav.sam.fast.attempts import Background
from sav.sam.fast.low_rank import Scratch
from sav.sam.fast.low_rank_decoder import LowRankDecoder, Question, Shared
from sav.sam.outputs import ONE, THREE, Decoded, falls_back, stable_of_all
from sav.streams import own_stream

# How many prompts are in a graph's chunk: less prompts are filled up with copies.
_SIZES = (1, 4, 8, 16, 32, 64, 128)
# A chunk is filled up by so many copies at most, or by a quarter: they cost less than another graph's launch.
_FEW = 4
# Prompts in a chunk for which kernels are worth seconds of compiling, once a machine.
_LEAST_FOR_KERNELS = 64
# Masks of a graph end on such a row and column of tokens: fewer graphs for pictures of many shapes.
_EXTENT_STEP = 8

# Whether one mask is wanted of each prompt; the grid's rows and columns; those in which masks are wanted.
Settings = tuple[bool, tuple[int, int], tuple[int, int]]


class Graphed:
    """Masks of prompts through graphs.

    Attributes:
        graphs: What calls functions as CUDA graphs.
    """

    def __init__(self, decoder: LowRankDecoder, chunk_size: int) -> None:
        """Decode with the parts of `decoder`, at most `chunk_size` prompts at a time."""
        self.graphs = Graphs()
        self._decoder = decoder
        self._chunk_size = chunk_size
        self._compiling = Background()

    def __call__(self, question: Question) -> Iterator[Decoded]:
        """The wanted masks, a chunk at a time; while one is waited for, the next is under way."""
        prompts, shared = question.prompts, question.shared
        rows, columns = (
            min(side, -(-extent // _EXTENT_STEP) * _EXTENT_STEP)
            for side, extent in zip(question.grid_hw, question.extent_hw, strict=True)
        )
        settings = question.wanted.outputs == ONE, question.grid_hw, (rows, columns)
        compiled = partial(self._compile, prompts[:1], shared, settings)
        before: Decoded | None = None
        for part in prompts.split(list(_sizes(len(prompts), self._chunk_size))):
            size = next(size for size in _SIZES if size >= len(part))
            filled = torch.cat([part, part[:1].expand(size - len(part), *part.shape[1:])])
            with_kernels = size >= _LEAST_FOR_KERNELS and self._compiling.has_done(
                (prompts.shape[1:], settings[0]), compiled
            )
            logits, predicted_iou = self.graphs(self.all_masks, filled, shared, *settings, with_kernels)
            if before is not None:
                yield before.above(question.wanted.least_iou)
            before = Decoded(logits[: len(part)], predicted_iou[: len(part)], len(part))
        if before is not None:
            yield before.above(question.wanted.least_iou)

    def all_masks(
        self,
        prompts: Tensor,
        shared: Shared,
        is_one: bool,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
        with_kernels: bool,
    ) -> tuple[Tensor, Tensor]:
        """Logits `(n, masks, 4 h, 4 w)` of one mask a prompt or of three, and predicted IoU `(n, masks)`."""
        sparse = self._decoder.embedded(prompts)
        weights, outputs = self._decoder.weights, ONE if is_one else THREE
        upscaling = self._decoder.upscaling(shared, grid_hw, extent_hw)
        chunk = self._decoder.chunk(sparse, shared, Scratch(sparse), with_kernels)
        chosen, predicted_iou, mixers = self._decoder.mixers(chunk, shared, outputs)
        predicted_iou = predicted_iou[:, chosen.start : chosen.stop]
        coefficients = upscaling.coefficients(chunk.coefficients)
        logits = torch.cat(
            [upscaling.masks(one, coefficients[part], mixers[part]) for part, one in chunk.slices()]
        ).unflatten(0, mixers.shape[:2])
        if falls_back(weights, outputs):
            return stable_of_all(weights, logits, predicted_iou)
        return logits, predicted_iou

    def _compile(self, prompts: Tensor, shared: Shared, settings: Settings) -> None:
        """Have Triton compile what makes masks, by making some; in a thread beside the one that works."""
        device = prompts.device
        if device.type != "cuda":
            return
        stream = own_stream(device)
        with suppress(RuntimeError), torch.inference_mode(), torch.cuda.stream(stream):
            self.all_masks(prompts, shared, *settings, True)
            stream.synchronize()

    def finish_compiling(self) -> None:
        """Return when the kernels that were asked for are there."""
        self._compiling.wait()


def _sizes(count: int, most: int) -> Iterator[int]:
    """Numbers of prompts that together are `count`, each filled up to one of the sizes by few at most."""
    sizes = [size for size in _SIZES if size <= most] or _SIZES[:1]
    while count:
        is_near = any(0 <= size - count <= max(_FEW, size // 4) for size in sizes)
        step = count if is_near else max(size for size in sizes if size <= count)
        yield step
        count -= step
