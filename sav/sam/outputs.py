"""What a mask decoder's own tokens are for, and which of its masks are wanted.

SAM's decoder has a token for predicted IoU and one for each of four masks: one whole object, and three of
different sizes. SAM 2's has one more before them, for whether there is an object at all, for which only its
memory of videos asks. Where one mask is wanted and that for the whole object is unstable, SAM 2 gives the
best of the other three (its `dynamic_multimask_via_stability`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from segment_anything.modeling import MaskDecoder
from torch import Tensor

ONE, THREE = slice(0, 1), slice(1, None)


class Wanted(NamedTuple):
    """Which masks of a picture's prompts are wanted.

    Attributes:
        outputs: Which of the decoder's: `ONE` for one whole object, `THREE` for three of different sizes.
        least_iou: Masks with no higher predicted IoU are left out; None leaves out none.
        extent_hw: Rows and columns of the features where masks are wanted, all if it is None; elsewhere
            logits may be 0.
    """

    outputs: slice
    least_iou: float | None = None
    extent_hw: tuple[int, int] | None = None


class Decoded(NamedTuple):
    """Masks of some prompts.

    Attributes:
        logits: `(K, h, w)`, or `(n, masks, h, w)` of n prompts.
        predicted_iou: `(K,)`, or `(n, masks)`.
        prompts: How many prompts they are of.
    """

    logits: Tensor
    predicted_iou: Tensor
    prompts: int

    def above(self, least_iou: float | None) -> Decoded:
        """Of all masks of each prompt those that are surely good enough."""
        if least_iou is None:
            return Decoded(self.logits.flatten(0, 1), self.predicted_iou.flatten(), self.prompts)
        wanted = (self.predicted_iou > least_iou).nonzero(as_tuple=True)
        return Decoded(self.logits[wanted], self.predicted_iou[wanted], self.prompts)


def own_tokens(decoder: MaskDecoder) -> Tensor:
    """The tokens that come before those of a prompt, `(T, C)`."""
    tokens = [decoder.iou_token.weight, decoder.mask_tokens.weight]
    if is_second(decoder):
        tokens.insert(0, decoder.obj_score_token.weight)
    return torch.cat(tokens)


def iou_place(decoder: MaskDecoder) -> int:
    """Where among its own tokens that for predicted IoU is; those for masks follow."""
    return int(is_second(decoder))


def is_second(decoder: MaskDecoder) -> bool:
    """Whether it is SAM 2's."""
    return hasattr(decoder, "obj_score_token")


def falls_back(decoder: MaskDecoder, outputs: slice) -> bool:
    """Whether the best of three takes the place of one that is unstable."""
    return is_second(decoder) and outputs == ONE


def wanted_masks(decoder: MaskDecoder, predicted_iou: Tensor, wanted: Wanted) -> Tensor:
    """Which masks are to be made, `(n, masks)` bool, by their predicted IoU, `(n, masks)`.

    Where the decoder falls back, those are among them that may take the others' place.
    """
    outputs, least_iou, _ = wanted
    are_wanted = torch.zeros_like(predicted_iou, dtype=torch.bool)
    are_wanted[:, outputs] = True if least_iou is None else predicted_iou[:, outputs] > least_iou
    if falls_back(decoder, outputs):
        best = 1 + predicted_iou[:, THREE].argmax(dim=1, keepdim=True)
        are_wanted.scatter_(1, best, True)
    return are_wanted


def stable_ones(decoder: MaskDecoder, logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
    """Of pairs of masks `(2 n, h, w)` and their IoU `(2 n,)` the first, or the second if that is unstable."""
    first = torch.arange(0, len(logits), 2, device=logits.device)
    chosen = first + _are_unstable(decoder, logits[::2])
    return logits[chosen], predicted_iou[chosen]


def stable_of_all(decoder: MaskDecoder, logits: Tensor, predicted_iou: Tensor) -> tuple[Tensor, Tensor]:
    """The same of all masks `(n, masks, h, w)` and IoU `(n, masks)`, with one mask left of each prompt."""
    best = 1 + predicted_iou[:, THREE].argmax(dim=1)
    chosen = torch.where(_are_unstable(decoder, logits[:, 0]), best, 0)
    row = torch.arange(len(logits), device=logits.device)
    return logits[row, chosen][:, None], predicted_iou[row, chosen][:, None]


def _are_unstable(decoder: MaskDecoder, logits: Tensor) -> Tensor:
    """Of which of `(n, h, w)` masks for a whole object the best of three takes the place, `(n,)` bool."""
    delta = decoder.dynamic_multimask_stability_delta
    smaller, larger = ((logits > shift).sum((1, 2)).float() for shift in (delta, -delta))
    stability = torch.where(larger > 0, smaller / larger, 1.0)
    return stability < decoder.dynamic_multimask_stability_thresh


def upscaled(decoder: MaskDecoder, images: Tensor, fine: tuple[Tensor, ...]) -> Tensor:
    """What masks are mixed of, `(n, c, 4 h, 4 w)`, from image tokens `(n, C, h, w)` and the fine features."""
    if not fine:
        return decoder.output_upscaling(images)
    first, norm, activation, second, last_activation = decoder.output_upscaling
    finest, finer = fine
    once = activation(norm(first(images) + finer))
    return last_activation(second(once) + finest)
