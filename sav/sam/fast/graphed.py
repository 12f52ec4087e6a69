"""The fast decoder on CUDA, where launching kernels takes longer than running them.

Prompts go through graphs in a few fixed numbers, and every mask of each is made. Those of several pictures go
together: what is done to prompts is done to all at once, what is done to a picture picture by picture, and
all of it is launched at once.
Contract, reference test and gain: those of `sav.sam.fast.decoder`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

import torch
from torch import Tensor

from sav.graphs import Graphs
from sav.sam.fast.attempts import Background
from sav.sam.fast.graph_sizes import filled_up, parts_of, pays_together, suit_kernels
from sav.sam.fast.low_rank import Scratch
from sav.sam.fast.low_rank_decoder import LowRankDecoder, Question, Shared
from sav.sam.outputs import ONE, THREE, Decoded, falls_back, stable_of_all
from sav.streams import own_stream

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
        self._most_pictures = 1

    def __call__(self, question: Question) -> Iterator[Decoded]:
        """The wanted masks of one picture, a chunk at a time; while one is waited for, the next is there."""
        before: Decoded | None = None
        for (logits,), (predicted_iou,) in self._chunks(question):
            if before is not None:
                yield before.above(question.wanted.least_iou)
            before = Decoded(logits, predicted_iou, len(logits))
        if before is not None:
            yield before.above(question.wanted.least_iou)

    def takes_together(self, counts: Sequence[int], extents_hw: Sequence[tuple[int, int]]) -> bool:
        """Whether pictures with so many prompts and of such extents should go through graphs at once.

        Fewer pictures than at another time do not: graphs of all numbers of pictures would take turns.
        """
        are_alike = len({(_stepped(rows), _stepped(columns)) for rows, columns in extents_hw}) == 1
        if not are_alike or not pays_together(counts, self._chunk_size):
            return False
        self._most_pictures = max(self._most_pictures, len(counts))
        return len(counts) == self._most_pictures

    def together(self, question: Question) -> Tensor:
        """Logits `(B, N, 4 h, 4 w)` of one mask a prompt, of several pictures."""
        return torch.cat([logits for logits, _ in self._chunks(question)], dim=1).squeeze(2)

    def _chunks(self, question: Question) -> Iterator[tuple[Tensor, Tensor]]:
        """Logits `(B, n, masks, 4 h, 4 w)` and predicted IoU `(B, n, masks)`, some prompts at a time."""
        prompts, shared = question.prompts, question.shared
        rows, columns = (
            min(side, _stepped(extent))
            for side, extent in zip(question.grid_hw, question.extent_hw, strict=True)
        )
        settings = question.wanted.outputs == ONE, question.grid_hw, (rows, columns)
        compiled = partial(self._compile, prompts[:1, :1], shared[:1], settings)
        sizes = [*parts_of(prompts.shape[1], self._chunk_size // len(prompts))]
        for part in prompts.split(sizes, dim=1) if sizes else ():
            count = part.shape[1]
            size = filled_up(count)
            filled = torch.cat([part, part[:, :1].expand(-1, size - count, *part.shape[2:])], dim=1)
            with_kernels = suit_kernels([count]) and self._compiling.has_done(
                (prompts.shape[2:], settings[0]), compiled
            )
            logits, predicted_iou = self.graphs(self.all_masks, filled, shared, *settings, with_kernels)
            yield logits[:, :count], predicted_iou[:, :count]

    def all_masks(
        self,
        prompts: Tensor,
        shared: tuple[Shared, ...],
        is_one: bool,
        grid_hw: tuple[int, int],
        extent_hw: tuple[int, int],
        with_kernels: bool,
    ) -> tuple[Tensor, Tensor]:
        """Logits `(B, n, masks, 4 h, 4 w)` of one mask a prompt or of three, and predicted IoU."""
        sparse = self._decoder.embedded(prompts.flatten(0, 1))
        weights, outputs = self._decoder.weights, ONE if is_one else THREE
        upscalings = [self._decoder.upscaling(one, grid_hw, extent_hw) for one in shared]
        chunk = self._decoder.chunk(sparse, shared, Scratch(sparse), with_kernels)
        chosen, predicted_iou, mixers = self._decoder.mixers(chunk, outputs)
        predicted_iou = predicted_iou[:, chosen.start : chosen.stop]
        coefficients = upscalings[0].coefficients(chunk.coefficients)
        logits = torch.cat(
            [
                upscalings[picture].masks(image, coefficients[part], mixers[part])
                for part, image, picture in chunk.slices()
            ]
        ).unflatten(0, mixers.shape[:2])
        if falls_back(weights, outputs):
            logits, predicted_iou = stable_of_all(weights, logits, predicted_iou)
        return logits.unflatten(0, prompts.shape[:2]), predicted_iou.unflatten(0, prompts.shape[:2])

    def _compile(self, prompts: Tensor, shared: tuple[Shared, ...], settings: Settings) -> None:
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


def _stepped(extent: int) -> int:
    return -(-extent // _EXTENT_STEP) * _EXTENT_STEP
