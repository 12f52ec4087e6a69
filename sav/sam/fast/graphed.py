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
from sav.sam.fast.low_rank import Scratch
from sav.sam.fast.low_rank_decoder import LowRankDecoder, Question, Shared
from sav.sam.outputs import ONE, THREE, Decoded, falls_back, stable_of_all
from sav.streams import own_stream

# How many prompts are in a graph's chunk: less prompts are filled up with copies.
_SIZES = (1, 4, 8, 16, 32, 64, 128)
# A chunk is filled up by so many copies at most, or by a quarter: they cost less than another graph's launch.
_FEW = 4
# More pictures do not go together: what is shared of each, 48 MB, is in the graphs' memory once more.
_MOST_PICTURES = 8
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
        sizes = [*_sizes(prompts.shape[1], self._chunk_size // len(prompts))]
        for part in prompts.split(sizes, dim=1) if sizes else ():
            count = part.shape[1]
            size = _filled(count)
            filled = torch.cat([part, part[:, :1].expand(-1, size - count, *part.shape[2:])], dim=1)
            with_kernels = size >= _LEAST_FOR_KERNELS and self._compiling.has_done(
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


def pays_together(counts: Sequence[int], most: int) -> bool:
    """Whether pictures with so many prompts are done sooner in graphs together than in graphs of their own.

    Args:
        counts: Of each picture.
        most: Prompts in a graph, of all its pictures: the more of these, the more graphs.
    """
    pictures, whole = len(counts), sum(counts)
    if not 1 < pictures <= min(most, _MOST_PICTURES) or not whole:
        return False
    # Each is filled up to the largest of them.
    filled, largest = pictures * max(counts), max(counts)
    together, alone = [*_sizes(largest, most // pictures)], [*_sizes(largest, most)]
    if _suit_kernels(alone) and not _suit_kernels(together):
        return False
    # Half of a graph's kernels are for its prompts, half for each picture.
    launches, launches_alone = (
        len(together) * (1 + pictures),
        2 * sum(len([*_sizes(one, most)]) for one in counts),
    )
    return filled <= whole + max(_FEW * pictures, whole // 4) and launches < launches_alone


def _suit_kernels(parts: Sequence[int]) -> bool:
    return any(_filled(part) >= _LEAST_FOR_KERNELS for part in parts)


def _filled(count: int) -> int:
    """The size of a graph for so many prompts."""
    return next(size for size in _SIZES if size >= count)


def _sizes(count: int, most: int) -> Iterator[int]:
    """Numbers of prompts that together are `count`, each filled up to one of the sizes by few at most."""
    sizes = [size for size in _SIZES if size <= most] or _SIZES[:1]
    while count:
        is_near = any(0 <= size - count <= max(_FEW, size // 4) for size in sizes)
        step = count if is_near else max(size for size in sizes if size <= count)
        yield step
        count -= step
