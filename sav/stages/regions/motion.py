"""Where masks of the frame before are now: they move with the camera, or by their own pixels' flow."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import BoolArray, Image, IntArray
from sav.trackers.camera_motion import CameraMotion

_LONG_SIDE = 384  # pixels of the shrunk frame in which the flow is looked for
_REACH = 8  # pixels of the shrunk frame over which the flow of one thing spills into another's
_SAMPLES = 64  # pixels of a mask that are asked for their flow
_LEAST_LIKENESS = 0.5  # correlation of a frame with the one before, moved along, below which it is a cut
_LEAST_CONTRAST = 2.0  # standard deviation of grey values below which nothing can be told

Shifts = NDArray[np.float64]


class MaskMotion:
    """The camera's motion, and dense inverse search flow (Kroeger et al. 2016), from one frame to the next.

    Attributes:
        is_cut: Whether the last frame has nothing to do with the one before it; so for the first.
    """

    def __init__(self) -> None:
        self.is_cut = True
        self._camera = CameraMotion()
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: NDArray[Any] | None = None

    def follow(self, image: Image, masks: Masks, covered: BoolArray, owed_xy: Shifts) -> tuple[Masks, Shifts]:
        """Move masks of the frame before to where they are now.

        Args:
            image: `(H, W, 3)` uint8 BGR, the frame.
            masks: N masks of the frame before; what lies outside the frame by now is cut off.
            covered: `(H, W)` bool, pixels that show something else than the masks' own in one of the two
                frames; a mask of nothing but these and what is near them moves with the camera.

            owed_xy: `(N, 2)`, the fractions of a pixel by which each still was to be moved before.

        Returns:
            The N masks, all empty after a cut, or where frames change their size; and the fractions of a
            pixel, `(N, 2)`, that they are owed now, since masks move by whole ones.
        """
        grey, warp = _shrunk(image), self._camera.estimate(image)
        before, self._before = self._before, grey
        self.is_cut = before is None or before.shape != grey.shape
        if before is None or self.is_cut:
            return _emptied(masks), np.zeros_like(owed_xy)

        flow = self._flow.calc(before, grey, np.zeros((*grey.shape, 2), np.float32))
        self.is_cut = _likeness(before, grey, flow) < _LEAST_LIKENESS
        if self.is_cut or not len(masks):
            return _emptied(masks), np.zeros_like(owed_xy)
        hidden = _around(covered, grey.shape)
        shifts = owed_xy + _shifts(before, grey, flow, warp, masks, hidden)
        whole = np.rint(shifts).astype(np.int64)
        return moved(masks, whole), shifts - whole


def moved(masks: Masks, shifts_xy: IntArray) -> Masks:
    """Masks moved by `(N, 2)` int64 pixels; what leaves the picture is cut off."""
    limits = np.tile(masks.size_hw[::-1], 2)
    whole = masks.boxes_xyxy + np.tile(shifts_xy, 2)
    inside = np.clip(whole, 0, limits)
    windows = inside - np.tile(whole[:, :2], 2)
    crops = [
        crop[y0:y1, x0:x1]
        for (crop, _), (x0, y0, x1, y1) in zip(masks.crops(), windows.tolist(), strict=True)
    ]
    return Masks.from_crops(masks.size_hw, crops, inside[:, :2])


def _around(covered: BoolArray, size_hw: tuple[int, ...]) -> BoolArray:
    """The pixels of the shrunk frame, of a size, whose flow may be that of what covers some of the frame."""
    shrunk = cv2.resize(covered.view(np.uint8), size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.dilate(shrunk, np.ones((2 * _REACH + 1,) * 2, np.uint8)) > 0


def _shifts(
    before: NDArray[Any],
    grey: NDArray[Any],
    flow: NDArray[Any],
    warp: NDArray[np.float64],
    masks: Masks,
    covered: BoolArray,
) -> Shifts:
    """`(N, 2)` pixels, how far each mask moves: with the camera, or by its own flow where that fits better.

    Flow is drawn towards none where there is little to see; the camera's motion, told by corners, is not.
    """
    scale = np.array(masks.size_hw[::-1]) / flow.shape[1::-1]
    x, y = np.moveaxis((_samples(masks) / scale).astype(np.int64), -1, 0)  # (N, samples) each
    hidden = covered[y, x]
    vectors = np.where(hidden[..., None], np.nan, flow[y, x])
    vectors[hidden.all(axis=1)] = 0
    own: Shifts = np.nanmedian(vectors, axis=1)

    centres = masks.boxes_xyxy.reshape(-1, 2, 2).mean(1)
    camera = (centres @ (warp[:, :2] - np.eye(2)).T + warp[:, 2]) / scale
    errors = [_misfit(before, grey, x, y, shifts, hidden) for shifts in (own, camera)]
    is_own = errors[0] < errors[1]
    return np.where(is_own[:, None], own, camera) * scale


def _misfit(
    before: NDArray[Any], grey: NDArray[Any], x: IntArray, y: IntArray, shifts: Shifts, hidden: BoolArray
) -> NDArray[np.float64]:
    """`(N,)`, by how much N times so many pixels differ from those that they move to, less those `hidden`."""
    to_x, to_y = ((at + by[:, None]).astype(np.float32) for at, by in zip((x, y), shifts.T, strict=True))
    now = cv2.remap(grey, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    differences = np.abs(now.astype(np.float64) - before[y, x]) * ~hidden
    return differences.sum(axis=1)


def _samples(masks: Masks) -> IntArray:
    """`(N, samples, 2)` int64, x and y of pixels spread evenly over each mask; of an empty one its corner."""
    places = np.zeros((len(masks), _SAMPLES, 2), np.int64)
    for place, (crop, (rows, columns)) in zip(places, masks.crops(), strict=True):
        pixels = np.flatnonzero(crop)
        if len(pixels):
            chosen = pixels[np.linspace(0, len(pixels) - 1, _SAMPLES).astype(np.int64)]
            place[:, 0] = columns.start + chosen % crop.shape[1]
            place[:, 1] = rows.start + chosen // crop.shape[1]
    return places


def _likeness(before: NDArray[Any], grey: NDArray[Any], flow: NDArray[Any]) -> float:
    """How well a frame correlates with the one before, moved along, from -1 to 1; 1 where both are dull."""
    height, width = grey.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    # What a pixel shows now was there before, less its flow: exact enough where the flow is smooth.
    then = cv2.remap(before, x - flow[..., 0], y - flow[..., 1], cv2.INTER_LINEAR)
    spreads = np.std(then), np.std(grey)
    if max(spreads) < _LEAST_CONTRAST:
        return 1.0
    if min(spreads) < _LEAST_CONTRAST:
        return 0.0
    return float(np.corrcoef(then.ravel(), grey.ravel())[0, 1])


def _shrunk(image: Image) -> NDArray[Any]:
    """The frame in grey, at a size at which the flow is quick."""
    height, width = image.shape[:2]
    factor = max(1.0, max(height, width) / _LONG_SIDE)
    size = max(16, round(width / factor)), max(16, round(height / factor))
    return cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)


def _emptied(masks: Masks) -> Masks:
    empty = [np.zeros((0, 0), np.bool_)] * len(masks)
    return Masks.from_crops(masks.size_hw, empty, np.zeros((len(masks), 2), np.int64))
