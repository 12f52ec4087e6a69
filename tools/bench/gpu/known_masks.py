"""A SAM that does its work and then has logits that are known: with random weights its masks are noise.

Noise covers the whole picture, and drawing it and writing it down takes a hundred times as long as masks of a
trained SAM do. So the known logits come before masks are made: these are measured, packed and brought down
as ever. In boxes there are ellipses, which is what moves through the generated video; at points of a picture
that a trained SAM has seen there is what that one found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from sav.data.types import Image, IntArray
from sav.sam.everything import point_grid
from sav.sam.model import Embedding, SamModel
from sav.sam.outputs import Decoded
from sav.uploads import on_device

NOTE = "known masks take the place of random weights' noise"
# By how much a logit falls from the middle of an ellipse to its edge.
_DEPTH = 8.0
_STEP = 61  # of every so many rows and columns the pixels tell one picture from another


@dataclass(frozen=True, eq=False)
class KnownPicture:
    """What a trained SAM finds in a picture at a square grid of points, before masks are made of it.

    Attributes:
        ends: `(P,)` int64, how many masks the points up to each have, less the doubtful ones.
        logits: `(K, h, w)` float16, of those masks, point by point.
        predicted_iou: `(K,)` float32, of those.
    """

    ends: IntArray
    logits: Tensor
    predicted_iou: Tensor

    @classmethod
    @torch.inference_mode()
    def seen_by(cls, sam: SamModel, image: Image, points_per_side: int) -> KnownPicture:
        """Have a trained SAM look at an `(H, W, 3)` uint8 BGR picture."""
        (embedding,) = sam.embed([image])
        points = point_grid(points_per_side) * embedding.size_hw[::-1]
        logits, predicted_iou = sam.decode_points(embedding, points)
        is_good = predicted_iou > sam.convention.predicted_iou_threshold  # (masks of all points,)
        ends = is_good.unflatten(0, (len(points), -1)).sum(1).cumsum(0).cpu().numpy()
        return cls(ends, logits[is_good].half(), predicted_iou[is_good])

    @property
    def nbytes(self) -> int:
        """Bytes that it takes on the device."""
        return self.logits.nbytes + self.predicted_iou.nbytes

    def at_points(self, points_xy: NDArray[np.float64], size_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Logits `(k, h, w)` and predicted IoU `(k,)` at points that follow each other in the grid."""
        side = round(len(self.ends) ** 0.5)
        (x, y), *_ = (points_xy / size_hw[::-1] * side).astype(np.int64).tolist()
        first = y * side + x
        begin = int(self.ends[first - 1]) if first else 0
        end = int(self.ends[first + len(points_xy) - 1])
        return self.logits[begin:end].float(), self.predicted_iou[begin:end]


@dataclass(frozen=True, eq=False)
class _Recognised(Embedding):
    """An embedded picture, and what is known of it."""

    known: KnownPicture | None = None


class KnownMasks(SamModel):
    """Finds ellipses in boxes, and at points of known pictures what is known of them."""

    def __init__(self, sam: SamModel, pictures: Sequence[tuple[Image, KnownPicture]] = ()) -> None:
        """Take the place of a SAM that is loaded."""
        vars(self).update(vars(sam))
        self._pictures = {_key(image): known for image, known in pictures}

    def embed(self, images_bgr: Sequence[Image]) -> list[Embedding]:
        """See `SamModel`."""
        pairs = zip(images_bgr, super().embed(images_bgr), strict=True)
        return [
            _Recognised(one.features, one.size_hw, one.shared, self._pictures.get(_key(image)))
            for image, one in pairs
        ]

    @torch.inference_mode()
    def _decode_boxes(
        self, embeddings: Sequence[Embedding], boxes_xyxy: Sequence[NDArray[np.floating]]
    ) -> list[Tensor]:
        decoded = super()._decode_boxes(embeddings, boxes_xyxy)
        known = []
        for logits, embedding, boxes in zip(decoded, embeddings, boxes_xyxy, strict=True):
            corners = self._in_square(embedding, boxes).unflatten(1, (2, 2)) / self.convention.prompt_side
            known.append(_ellipses(on_device(corners, self.device), *logits.shape[1:]))
        return known

    @torch.inference_mode()
    def decode_points(
        self, embedding: Embedding, points_xy: NDArray[np.float64], least_iou: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """See `SamModel`."""
        decoded = super().decode_points(embedding, points_xy, least_iou)
        return self._at_points(embedding, points_xy, *decoded)

    def decode_points_in_batches(
        self, embedding: Embedding, points_xy: NDArray[np.float64], batch: int, least_iou: float | None = None
    ) -> Iterator[Decoded]:
        """See `SamModel`."""
        done = 0
        for decoded in super().decode_points_in_batches(embedding, points_xy, batch, least_iou):
            points = points_xy[done : done + decoded.prompts]
            found = self._at_points(embedding, points, decoded.logits, decoded.predicted_iou)
            yield Decoded(*found, decoded.prompts)
            done += decoded.prompts

    def _at_points(
        self, embedding: Embedding, points_xy: NDArray[np.float64], logits: Tensor, predicted_iou: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What is known at some points in place of what was decoded."""
        known = embedding.known if isinstance(embedding, _Recognised) else None
        if known is None:
            return logits, predicted_iou
        trained, predicted_iou = known.at_points(points_xy, embedding.size_hw)
        return _resized(trained, logits.shape[1:]), predicted_iou


def _key(image: Image) -> bytes:
    return np.asarray(image)[::_STEP, ::_STEP].tobytes()


def _ellipses(corners: Tensor, height: int, width: int) -> Tensor:
    """`(N, h, w)` logits over SAM's square, above 0 in ellipses that fill `(N, 2, 2)` corners, 0 to 1."""
    middle, reach = corners.mean(1), (corners[:, 1] - corners[:, 0]) / 2  # (N, 2) each, x and y
    x, y = (
        (
            (torch.arange(0.5, size, device=corners.device) / size - middle[:, axis, None])
            / reach[:, axis, None]
        ).square()
        for axis, size in enumerate((width, height))
    )
    return _DEPTH * (1 - x[:, None, :] - y[:, :, None]).clamp(min=-2)


def _resized(logits: Tensor, size_hw: Sequence[int]) -> Tensor:
    """`(N, h, w)` logits over a whole square, at another resolution."""
    if not len(logits):
        return logits.new_zeros(0, *size_hw)
    return F.interpolate(logits[None], [*size_hw], mode="bilinear", align_corners=False)[0]
