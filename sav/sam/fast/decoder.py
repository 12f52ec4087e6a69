"""SAM's mask decoder for many prompts of one image, at a tenth of segment_anything's arithmetic.

It is segment_anything's decoder rewritten, not approximated. What prompts make of the image tokens stays in
the form that `low_rank` describes, and masks are made only where the picture is in SAM's square, on a CPU
only of prompts whose predicted IoU is wanted. On CUDA prompts go through graphs: `graphed`.

Contract: logits and predicted IoU are upstream's within float32's rounding, 1e-4 of the logits' spread; where
Triton kernels run (`*_kernels`) within that of tensor cores, 5e-3 of it.
Reference test: tests/sam/fast/test_decoder.py, against segment_anything's `MaskDecoder`; of SAM 2's
tests/sam/encoders/test_hiera.py, against `sav.sam.decoder`; of graphs and kernels tests/gpu/test_decoder.py.
Gain on a CPU, over `sav.sam.decoder`: 4.1 for 20 boxes and 4.3 for points, the demo's SAM 2.6. SAM 2's boxes
for themselves were not measured. On a GPU see `sav.sam.fast`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from segment_anything.modeling import Sam
from torch import Tensor

from sav.graphs import Graphs
from sav.sam.encoders import Features
from sav.sam.fast.graphed import Graphed
from sav.sam.fast.low_rank import Scratch
from sav.sam.fast.low_rank_decoder import EmbedBoxes, LowRankDecoder, Question, Shared
from sav.sam.fast.two_way import Chunk
from sav.sam.fast.upscaling import Upscaling
from sav.sam.outputs import ONE, Decoded, Wanted, falls_back, stable_ones, wanted_masks

# Devices on which chunks go through graphs.
_GRAPHED = ("cuda",)


class FastDecoder:
    """Masks and their predicted IoU from prompts, with the weights of a `Sam`."""

    def __init__(self, sam: Sam, chunk_size: int, embed_boxes: EmbedBoxes | None = None) -> None:
        """See `LowRankDecoder`; `chunk_size` is how many prompts are decoded at once."""
        self._decoder = LowRankDecoder(sam, embed_boxes)
        self._graphed = Graphed(self._decoder, chunk_size)
        self._chunk_size = chunk_size
        # Beside those of prompts: another thread prepares the next picture.
        self._sharing = Graphs()
        self._last: tuple[Features, Shared] | None = None

    def share(self, features: Features) -> Shared:
        """What is computed from a picture's features alone, once for all its prompts."""
        return self._sharing(self._decoder.share, features.coarse, features.fine)

    def __call__(
        self, features: Features, prompts: Tensor, wanted: Wanted, shared: Shared | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `sav.sam.decoder.Decoder`, and of `(N, 4)` boxes in the prompts' square, too.

        `shared` is what `share` gives for the features; if it is not given it is kept for the next prompts.
        """
        grid_hw = features.coarse.shape[2], features.coarse.shape[3]
        none = features.coarse.new_empty(0, *(4 * side for side in grid_hw)), features.coarse.new_empty(0)
        chunks = self.chunks(features, prompts, wanted, shared)
        logits, predicted_iou = zip(none, *((one.logits, one.predicted_iou) for one in chunks), strict=True)
        return torch.cat(logits), torch.cat(predicted_iou)

    def chunks(
        self, features: Features, prompts: Tensor, wanted: Wanted, shared: Shared | None = None
    ) -> Iterator[Decoded]:
        """The same, some prompts at a time."""
        grid_hw = features.coarse.shape[2], features.coarse.shape[3]
        question = Question(prompts[None], (shared or self._shared(features),), wanted, grid_hw)
        return (self._graphed if prompts.device.type in _GRAPHED else self._chunked)(question)

    def takes_together(self, counts: Sequence[int], extents_hw: Sequence[tuple[int, int]]) -> bool:
        """Whether so many boxes of each of some pictures should go through `together`.

        Args:
            counts: Of each picture.
            extents_hw: Rows and columns of the features that each picture covers.
        """
        return self._graphed.takes_together(counts, extents_hw)

    def together(
        self,
        features: Sequence[Features],
        boxes: Tensor,
        extent_hw: tuple[int, int],
        shared: Sequence[Shared | None],
    ) -> Tensor:
        """Logits `(B, N, 4 h, 4 w)` of one mask a box, in N boxes, at least one, of each of some pictures.

        Args:
            features: Of each picture.
            boxes: `(B, N, 4)` float32, in the prompts' square.
            extent_hw: Rows and columns of the features where masks are wanted.
            shared: What `share` gives for the features of each, or None.
        """
        grid_hw = features[0].coarse.shape[2], features[0].coarse.shape[3]
        of_each = [one or self.share(some) for one, some in zip(shared, features, strict=True)]
        wanted = Wanted(ONE, extent_hw=extent_hw)
        return self._graphed.together(Question(boxes, tuple(of_each), wanted, grid_hw))

    def finish_compiling(self) -> None:
        """Return when the kernels that were asked for are there."""
        self._graphed.finish_compiling()

    def _shared(self, features: Features) -> Shared:
        last = self._last
        if last is None or last[0] is not features:
            last = self._last = features, self.share(features)
        return last[1]

    def _chunked(self, question: Question) -> Iterator[Decoded]:
        """The wanted masks, a chunk at a time."""
        (shared,) = question.shared  # of one picture
        sparse = self._decoder.embedded(question.prompts[0])
        upscaling = self._decoder.upscaling(shared, question.grid_hw, question.extent_hw)
        scratch = Scratch(sparse)
        for part in sparse.split(self._chunk_size) if len(sparse) else ():
            chunk = self._decoder.chunk(part, [shared], scratch)
            yield Decoded(*self._decode(chunk, question, upscaling), len(part))

    def _decode(self, chunk: Chunk, question: Question, upscaling: Upscaling) -> tuple[Tensor, Tensor]:
        """Logits and predicted IoU of the wanted masks of a chunk."""
        weights, outputs = self._decoder.weights, question.wanted.outputs
        chosen, predicted_iou, mixers = self._decoder.mixers(chunk, outputs)
        are_wanted = wanted_masks(weights, predicted_iou, question.wanted)[:, chosen]
        predicted_iou = predicted_iou[:, chosen]

        coefficients = upscaling.coefficients(chunk.coefficients)
        parts = [
            upscaling.masks(image, coefficients[part], mixers[part], are_wanted[part])
            for part, image, _ in chunk.slices()
        ]
        logits = torch.cat(parts)
        if falls_back(weights, outputs):
            return stable_ones(weights, logits, predicted_iou[are_wanted])
        return logits, predicted_iou[are_wanted]
