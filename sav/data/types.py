"""What flows through the program before the masks: frames, detections and tracks, as checked arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.uint8]

# The class name of regions that the detector has no name for.
UNLABELLED = "unlabelled"


def _check(name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    """Raise ValueError if `array` has not `shape`, where None stands for any length."""
    if array.shape == shape:
        return
    fits = array.ndim == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("N" if want is None else str(want) for want in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")


class Arrays:
    """A dataclass of arrays: two are equal if all that is in them is."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return all(_is_same(getattr(self, name), getattr(other, name)) for name in names)


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other) and one.dtype == other.dtype
    return bool(one == other)


@dataclass(frozen=True, eq=False)
class Frame(Arrays):
    """One picture, or one frame of a video.

    Attributes:
        image: `(H, W, 3)` uint8, BGR.
        index: Position in the stream, from 0.
        name: What to call it in files and messages, without a folder.
        time: Presentation time in seconds, exact; 0 for a picture.
    """

    image: Image
    index: int = 0
    name: str = ""
    time: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        _check("image", self.image, (None, None, 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"image must be uint8, not {self.image.dtype}")

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.image.shape[:2]
        return height, width


@dataclass(frozen=True, eq=False)
class Detections(Arrays):
    """What a detector saw in one frame.

    Attributes:
        boxes_xyxy: `(N, 4)` float32, pixels.
        scores: `(N,)` float32, 0 to 1.
        class_ids: `(N,)` int64, the detector's own numbering.
    """

    boxes_xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray

    def __post_init__(self) -> None:
        count = len(self.boxes_xyxy)
        _check("boxes_xyxy", self.boxes_xyxy, (None, 4))
        _check("scores", self.scores, (count,))
        _check("class_ids", self.class_ids, (count,))

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def __getitem__(self, index: Any) -> Detections:
        """The detections that a boolean mask, an index array or a slice picks."""
        return Detections(self.boxes_xyxy[index], self.scores[index], self.class_ids[index])


@dataclass(frozen=True, eq=False)
class Tracks(Arrays):
    """The tracks that live in one frame, each with the detection that it was matched to.

    Attributes:
        track_ids: `(N,)` int64, from 1, never used again for another object.
        detection_indices: `(N,)` int64, rows of the frame's `Detections`.
        boxes_xyxy: `(N, 4)` float32, the tracker's filtered estimate in pixels.
        class_ids: `(N,)` int64, each track's class by vote over its life.
    """

    track_ids: IntArray
    detection_indices: IntArray
    boxes_xyxy: FloatArray
    class_ids: IntArray

    def __post_init__(self) -> None:
        count = len(self.track_ids)
        _check("track_ids", self.track_ids, (None,))
        _check("detection_indices", self.detection_indices, (count,))
        _check("boxes_xyxy", self.boxes_xyxy, (count, 4))
        _check("class_ids", self.class_ids, (count,))

    @classmethod
    def empty(cls) -> Tracks:
        """No tracks."""
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros((0, 4), np.float32), none)

    def __len__(self) -> int:
        return len(self.track_ids)

    def __getitem__(self, index: Any) -> Tracks:
        """The tracks that a boolean mask, an index array or a slice picks."""
        return Tracks(
            self.track_ids[index],
            self.detection_indices[index],
            self.boxes_xyxy[index],
            self.class_ids[index],
        )
