"""Small objects in large pictures: the detector sees overlapping slices of a picture, and the whole of it.

The idea is that of slicing aided hyper inference (SAHI, https://arxiv.org/abs/2202.06934). What is found is
joined by a rule of our own: two boxes of different slices are the same object if within the part of the
picture that both slices see they are the same box. It holds alike for an object that both see whole, for the
pieces of one that a border cuts, and for a large one that the whole picture shows and a slice a piece of;
and it keeps two objects apart of which one stands before the other.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sav.config import AUTO_ENLARGED, LEAST_SLICE, PICTURE_DETECTION, DetectionConfig
from sav.data.types import BoolArray, Detections, FloatArray, Image, IntArray
from sav.detectors.protocol import ConfigurableDetector

# Slices that the detector takes at once.
_AT_ONCE = 8
# A box that comes as near to a border of its slice as this share of the slice's side may be cut by it.
_NEAR = 0.02
# IoU, within what both slices see, from which two boxes are the same object.
_SAME = 0.45
# The surest boxes of a picture that are compared with each other.
_MOST = 3_000


class Sliced:
    """A detector that looks at slices of a picture where the settings ask for them.

    Attributes:
        detector: Sees the slices.
    """

    def __init__(self, detector: ConfigurableDetector, config: DetectionConfig = PICTURE_DETECTION) -> None:
        """Look with `detector`; `config.slices` says how large slices are, None leaves pictures whole."""
        self.detector = detector
        self._set(config)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the detector knows, id to name."""
        return self.detector.categories

    def with_config(self, config: DetectionConfig) -> Sliced:
        """The same detector with other settings.

        Raises:
            SettingError: If it does not know a class that `config` names.
        """
        other = copy.copy(self)
        other._set(config)
        return other

    def with_looks(self) -> Sliced:
        """The same detector and settings, with what objects look like where it can tell."""
        other = copy.copy(self)
        if hasattr(self.detector, "with_looks"):
            other.detector = self.detector.with_looks()
        return other

    def _set(self, config: DetectionConfig) -> None:
        self._config = config.over(PICTURE_DETECTION)
        self.detector = self.detector.with_config(config)

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """Detect in `(H, W, 3)` uint8 BGR pictures; strongest boxes first."""
        if self._config.slices is None:
            return self.detector(images_bgr)
        return [self.look(image)[0] for image in images_bgr]

    def look(self, image_bgr: Image) -> tuple[Detections, IntArray]:
        """What slices of one picture show, and `(N,)` int64, the slice that shows each; 0 is the whole."""
        height, width = image_bgr.shape[:2]
        windows = slices_of((height, width), self._slice_wh(), self._config.slice_overlap or 0)
        seen = [np.array([0, 0, width, height], np.float32)]
        found = self.detector([image_bgr])
        if len(windows) > 1:
            for start in range(0, len(windows), _AT_ONCE):
                some = windows[start : start + _AT_ONCE]
                found += self._look_closely([image_bgr[y0:y1, x0:x1] for x0, y0, x1, y1 in some.tolist()])
                seen += [*some.astype(np.float32)]
        boxes, shown_by = joined(found, np.array(seen))
        return boxes[: self._config.max_det], shown_by[: self._config.max_det]

    def _look_closely(self, slices_bgr: list[Image]) -> list[Detections]:
        """The boxes in some slices of one size, which are enlarged to the size at which the detector sees."""
        height, width = slices_bgr[0].shape[:2]
        scale = max(1.0, (self._config.imgsz or 0) / max(height, width))
        size = round(width * scale), round(height * scale)
        enlarged = [cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in slices_bgr]
        found = self.detector([np.asarray(one, np.uint8) for one in enlarged])
        shrink = np.array([width / size[0], height / size[1]] * 2, np.float32)
        return [replace(some, boxes_xyxy=some.boxes_xyxy * shrink) for some in found]

    def _slice_wh(self) -> tuple[int, int]:
        if isinstance(self._config.slices, tuple):
            return self._config.slices
        side = max(LEAST_SLICE, (self._config.imgsz or 0) // AUTO_ENLARGED)
        return side, side


def slices_of(size_hw: tuple[int, int], slice_wh: tuple[int, int], overlap: float) -> IntArray:
    """Slices of one size that cover a picture, each overlapping the next by at least a share of its side.

    Returns:
        `(N, 4)` int64, corners in pixels, row by row; no slice is larger than the picture.
    """
    starts = []
    for length, wanted in zip(size_hw[::-1], slice_wh, strict=True):
        side = min(wanted, length)
        step = max(1, side - round(overlap * side))
        count = 1 + -(-(length - side) // step)
        starts.append((np.rint(np.linspace(0, length - side, count)).astype(np.int64), side))
    (lefts, width), (tops, height) = starts
    top, left = (axis.ravel() for axis in np.meshgrid(tops, lefts, indexing="ij"))
    return np.stack([left, top, left + width, top + height], axis=1)


@dataclass(frozen=True)
class _Boxes:
    """What all slices of a picture show, the surest first, those that no border cuts before the others.

    Attributes:
        found: The N boxes, in pixels of the picture.
        windows: `(N, 4)` float32, the slice that shows each.
        shown_by: `(N,)` int64, which slice that is.
        are_cut: `(N,)` bool, whether a border may cut them.
    """

    found: Detections
    windows: FloatArray
    shown_by: IntArray
    are_cut: BoolArray

    def same(self) -> BoolArray:
        """`(N, N)` bool: which boxes are of the same object, each seen in a slice of its own."""
        boxes, windows = self.found.boxes_xyxy, self.windows
        low = np.maximum(windows[:, None, :2], windows[None, :, :2])  # what both slices see
        high = np.minimum(windows[:, None, 2:], windows[None, :, 2:])
        one = [np.clip(boxes[:, None, side], low, high) for side in (slice(0, 2), slice(2, 4))]
        other = [np.clip(boxes[None, :, side], low, high) for side in (slice(0, 2), slice(2, 4))]
        common = _area(np.maximum(one[0], other[0]), np.minimum(one[1], other[1]))
        together = _area(*one) + _area(*other) - common
        is_other = (windows[:, None] != windows[None]).any(axis=-1) & (high > low).all(axis=-1)
        is_class = self.found.class_ids[:, None] == self.found.class_ids
        same: BoolArray = is_other & is_class & (common > _SAME * together)
        return same


def _area(low: FloatArray, high: FloatArray) -> FloatArray:
    width, height = np.moveaxis(np.maximum(high - low, 0), -1, 0)
    area: FloatArray = width * height
    return area


def joined(found: Sequence[Detections], windows: FloatArray) -> tuple[Detections, IntArray]:
    """What several slices show as one picture's detections, each object once, the surest first.

    Args:
        found: What each slice shows, in its own pixels.
        windows: `(slices, 4)` float32, where the slices lie; the first is the whole picture.

    Returns:
        The N objects, and `(N,)` int64, which slice shows each best.
    """
    boxes = _gathered(found, windows)
    same = boxes.same()
    is_left = np.ones(len(boxes.found), np.bool_)
    chosen, corners = [], boxes.found.boxes_xyxy.copy()
    for position in range(len(is_left)):
        if not is_left[position]:
            continue
        members = same[position] & is_left
        if boxes.are_cut[position]:  # nobody sees it whole: all its pieces together are what it is
            members = _reached(same, position, is_left)
            corners[position, :2] = corners[members, :2].min(axis=0)
            corners[position, 2:] = corners[members, 2:].max(axis=0)
        is_left &= ~members
        chosen.append(position)
    places = np.array(chosen, np.int64)
    places = places[np.argsort(-boxes.found.scores[places], kind="stable")]
    return replace(boxes.found, boxes_xyxy=corners)[places], boxes.shown_by[places]


def _reached(same: BoolArray, position: int, is_left: BoolArray) -> BoolArray:
    """`(N,)` bool: the pieces that hang together with one, itself among them."""
    reached = np.zeros(len(same), np.bool_)
    reached[position] = True
    while True:
        more = same[reached].any(axis=0) & is_left & ~reached
        if not more.any():
            return reached
        reached |= more


def _gathered(found: Sequence[Detections], windows: FloatArray) -> _Boxes:
    """All boxes in pixels of the picture."""
    counts = [len(some) for some in found]
    shown_by = np.repeat(np.arange(len(windows)), counts)
    seen = windows[shown_by]
    boxes = np.concatenate([some.boxes_xyxy for some in found]) + np.tile(seen[:, :2], 2)
    scores = np.concatenate([some.scores for some in found])
    class_ids = np.concatenate([some.class_ids for some in found])
    looks = np.concatenate([some.looks for some in found if len(some)] or [np.zeros((0, 0), np.int8)])

    margin = _NEAR * np.tile(seen[:, 2:] - seen[:, :2], 2)
    is_inner = seen != windows[0]  # the picture's own border cuts nothing that could be seen
    are_cut = (is_inner & (np.abs(boxes - seen) <= margin)).any(axis=1)
    order = np.lexsort((-scores, are_cut))[:_MOST]
    together = Detections(boxes[order].astype(np.float32), scores[order], class_ids[order], looks[order])
    return _Boxes(together, seen[order], shown_by[order], are_cut[order])
