"""Masks at the picture's size from SAM's small logits, made on a CPU only where each may be.

SAM enlarges each mask twice, first to its input and then to the picture, whole; SAM 2 once. The steps are
linear in rows and in columns, so that one matrix a side does the work of all, and only where the mask may be.
The two ways round differently, by a known bound: where all must be exact, a mask with a pixel closer to a
threshold than that goes through upstream's own interpolation.

Contract: where exact, every pixel and every count of stability is upstream's; else all but those whose logit
is within float32's rounding of a threshold, fewer than one in 100,000.
Reference tests: tests/sam/test_enlarge.py, tests/sam/fast/test_enlarge.py, against segment_anything's
`Sam.postprocess_masks`, and tests/sam/encoders/test_hiera.py for SAM 2.
Gain on a CPU: 7 to 21 where exact and 12 to 28 else, for masks of 0.3 to 0.1 of a 1080p picture's sides; none
and 3 for one of 0.8. On a GPU masks are made whole, by `sav.sam.enlarge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sav.data.crops import tight_boxes
from sav.data.masks import Masks
from sav.data.types import BoolArray, IntArray
from sav.sam.conventions import MASK_THRESHOLD, interpolate
from sav.sam.enlarge import Enlarger, Stability

# How far apart the two ways to enlarge may be, as a share of the largest logit that has a part in a pixel: a
# float32 rounding for each sum and product on the way to it. Six roundings are the most that was ever seen.
_ROUNDING = 32 * 2.0**-24
# Rows of the picture that one product makes, from the few rows of logits that reach them.
_CHUNK_ROWS = 128


@dataclass(frozen=True, eq=False)
class Axis:
    """How the rows, or the columns, of a picture are weighted sums of those of the logits.

    Attributes:
        weights: `(L, l)` float32.
        first: `(L,)` the first logit with a weight in each sum.
        last: `(L,)` the last.
    """

    weights: Tensor
    first: IntArray
    last: IntArray

    @classmethod
    def of(cls, weights: Tensor) -> Axis:
        """An axis with these weights."""
        present = (weights != 0).numpy()
        return cls(weights, present.argmax(axis=1), present.shape[1] - 1 - present[:, ::-1].argmax(axis=1))

    def reached(self, start: int, stop: int) -> tuple[slice, slice]:
        """What the logits from `start` to `stop` have a part in, and all logits that have a part in that."""
        begin = int(np.searchsorted(self.last, start))
        end = int(np.searchsorted(self.first, stop))
        return slice(begin, end), self.sources(begin, end)

    def sources(self, begin: int, end: int) -> slice:
        """The logits that have a part in the sums from `begin` to `end`."""
        return slice(int(self.first[begin]), int(self.last[end - 1]) + 1) if begin < end else slice(0, 0)


@lru_cache(maxsize=16)
def axes(
    logits_hw: tuple[int, int],
    square: int,
    input_hw: tuple[int, int],
    size_hw: tuple[int, int],
    channels: int,
    _threads: int,
) -> tuple[Axis, Axis]:
    """The weights of upstream's interpolations, read off by enlarging each logit alone.

    They depend on the number of planes, and of threads, since PyTorch chooses its routine by these.
    """

    def down(small: int, inside: int, large: int) -> Tensor:
        planes = torch.eye(small).expand(1, channels, -1, -1)
        if square:
            planes = interpolate(planes, (square, small))[..., :inside, :]
        return interpolate(planes, (large, small))[0, 0]

    def over(small: int, inside: int, large: int) -> Tensor:
        planes = torch.eye(small).expand(1, channels, -1, -1)
        if square:
            planes = interpolate(planes, (small, square))[..., :inside]
        return interpolate(planes, (small, large))[0, 0].T.contiguous()

    heights, widths = zip(logits_hw, input_hw, size_hw, strict=True)
    return Axis.of(down(*heights)), Axis.of(over(*widths))


class CropEnlarger(Enlarger):
    """Thresholds the masks of one picture at its size, on a CPU, each where it may be."""

    def masks(self, logits: Tensor, stability: Stability | None = None) -> tuple[Masks, BoolArray]:
        """The masks that `(N, h, w)` logits describe, less the unstable ones, and which of the N they are."""
        found = [self._within(one, stability) for one in logits]
        unclear = np.array([masks is None for masks in found], np.bool_)
        clear = [masks for masks in found if masks is not None]
        exact, exact_kept = super().masks(logits[torch.from_numpy(unclear)], stability)

        kept = np.zeros(len(logits), np.bool_)
        kept[~unclear] = [len(masks) > 0 for masks in clear]
        kept[unclear] = exact_kept
        places = np.concatenate([np.flatnonzero(kept & ~unclear), np.flatnonzero(kept & unclear)])
        together = Masks.concatenate(self.size_hw, [*clear, exact])
        return together[np.argsort(places)], kept

    def _within(self, logits: Tensor, stability: Stability | None) -> Masks | None:
        """The mask of `(h, w)` logits, none if it is unstable; None if rounding may decide about it."""
        threshold = MASK_THRESHOLD
        crop = self._crop(logits, threshold - (stability.offset if stability else 0.0))
        if stability is not None:
            is_stable = _is_stable(crop, threshold, stability)
            if not is_stable:
                return None if is_stable is None else Masks.empty(self.size_hw)

        least, most = crop.counts_above(threshold)
        if least != most:
            return None
        return Masks.from_crops(self.size_hw, [crop.values > threshold], np.array([crop.corner_xy]))

    def _crop(self, logits: Tensor, floor: float) -> _Crop:
        """The part of the picture outside of which nothing lies above a floor."""
        height, width = logits.shape
        input_hw = self._convention.input_hw(self.size_hw)
        sizes = (height, width), self._convention.square, input_hw, self.size_hw
        down, over = axes(*sizes, self._channels, torch.get_num_threads())

        logits = logits[: down.last.max() + 1, : over.last.max() + 1]
        error = _ROUNDING * float(logits.abs().max()) if self._is_exact else 0.0
        x0, y0, x1, y1 = tight_boxes((logits > floor - error).numpy()[None])[0].tolist()
        (rows, from_rows), (columns, from_columns) = down.reached(y0, y1), over.reached(x0, x1)

        across = logits[from_rows, from_columns] @ over.weights[columns, from_columns].T  # (h, W)
        values = across.new_empty(rows.stop - rows.start, columns.stop - columns.start)  # (H, W)
        for begin in range(rows.start, rows.stop, _CHUNK_ROWS):
            chunk = slice(begin, min(begin + _CHUNK_ROWS, rows.stop))
            sources = down.sources(chunk.start, chunk.stop)
            part = across[sources.start - from_rows.start : sources.stop - from_rows.start]
            out = values[chunk.start - rows.start : chunk.stop - rows.start]
            torch.mm(down.weights[chunk, sources], part, out=out)
        return _Crop(values.numpy(), (columns.start, rows.start), logits.numpy(), down, over, error)


@dataclass(frozen=True, eq=False)
class _Crop:
    """A part of one enlarged mask, as the products give it.

    Attributes:
        values: `(H, W)` float32.
        corner_xy: Where its top left pixel lies in the picture.
        logits: `(h, w)` float32, the whole mask before.
        down: How the picture's rows come from the logits'.
        over: How its columns do.
        error: How far any value may be from upstream's.
    """

    values: NDArray[np.float32]
    corner_xy: tuple[int, int]
    logits: NDArray[np.float32]
    down: Axis
    over: Axis
    error: float

    def counts_above(self, threshold: float) -> tuple[int, int]:
        """The least and the largest number of pixels that upstream may find above a threshold."""
        perhaps = self.values > threshold - self.error
        surely = self.values > threshold + self.error if self.error else perhaps
        least, most = int(np.count_nonzero(surely)), int(np.count_nonzero(perhaps))
        if least == most:
            return least, most

        # A closer look at these, since the largest logit of all is far from most of them.
        rows, columns = np.nonzero(perhaps & ~surely)
        distance = self.values[rows, columns] - threshold
        unclear = np.abs(distance) <= _ROUNDING * self._largest_logits(rows, columns)
        least += int(np.count_nonzero((distance > 0) & ~unclear))
        return least, least + int(np.count_nonzero(unclear))

    def _largest_logits(self, rows: IntArray, columns: IntArray) -> NDArray[np.float32]:
        """The largest absolute logit that has a part in each of `(n,)` pixels."""
        sources = []
        for axis, places in ((self.down, rows + self.corner_xy[1]), (self.over, columns + self.corner_xy[0])):
            first, last = axis.first[places, None], axis.last[places, None]
            sources.append(np.minimum(first + np.arange((last - first).max() + 1), last))
        return np.abs(self.logits[sources[0][:, :, None], sources[1][:, None, :]]).max(axis=(1, 2))


def _is_stable(crop: _Crop, threshold: float, stability: Stability) -> bool | None:
    """Whether a mask is stable by upstream's arithmetic; None if that depends on how it rounds."""
    smaller = torch.tensor(crop.counts_above(threshold + stability.offset), dtype=torch.int32)
    larger = torch.tensor(crop.counts_above(threshold - stability.offset), dtype=torch.int32)
    surely, perhaps = stability.of_counts(smaller, larger.flip(0)).tolist()
    return surely if surely == perhaps else None
