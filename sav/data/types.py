"""What flows through the program before the masks: frames, detections and tracks, as checked arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.uint8]
# Positions of rows of a table.
Indices = NDArray[np.intp]

_NO_LOOKS: NDArray[np.int8] = np.zeros((0, 0), np.int8)
_NO_SHAPES: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)

# The class name and id of regions that the detector has no name for.
UNLABELLED = "unlabelled"
UNLABELLED_ID = -1
# Ids of regions begin here, above those of objects, and fit into the 16 bits of a PNG.
FIRST_REGION_ID = 1 << 15


def check_array(
    name: str, array: NDArray[Any], shape: tuple[int | str | None, ...], dtype: type[Any]
) -> None:
    """Check what is in a dataclass.

    Args:
        name: What to call the array.
        array: The array.
        shape: What it must have, where None, or a letter for the message, stands for any length.
        dtype: What its numbers must be; fractions must be finite as well.

    Raises:
        ValueError: If it is otherwise.
    """
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{name} must be an array of {np.dtype(dtype)}, not {kind}")
    if array.shape != shape and not _fits(array.shape, shape):
        wanted = "(" + ", ".join("N" if want is None else str(want) for want in shape) + ")"
        raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, without NaN")


def _fits(shape: tuple[int, ...], wanted: tuple[int | str | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        not isinstance(want, int) or want == have for want, have in zip(wanted, shape, strict=True)
    )


class Arrays:
    """A dataclass of arrays: two are equal if all that is in them is."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return all(_is_same(getattr(self, name), getattr(other, name)) for name in names)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone, without what was worked out from them, for pickles and copies."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other) and one.dtype == other.dtype
    return bool(one == other)


@dataclass(frozen=True, eq=False, repr=False)
class Frame(Arrays):
    """One picture, or one frame of a video.

    Attributes:
        image: `(H, W, 3)` uint8, BGR. Of an array that was handed in it is that array itself, and no copy: a
            camera that fills its buffer anew changes it.
        index: Position in the stream, from 0.
        name: What to call it in files and messages, without a folder.
        time: Presentation time in seconds, exact, a `Fraction`: write `float(frame.time)` to calculate
            with it; 0 for a picture.
        stem: What files about it are called, without suffix; empty to go by its name.

    Raises:
        ValueError: If the image has another shape or type, or no pixel.
    """

    image: Image
    index: int = 0
    name: str = ""
    time: Fraction = Fraction(0)
    stem: str = ""

    def __post_init__(self) -> None:
        check_array("image", self.image, ("H", "W", 3), np.uint8)
        if not self.image.size:
            raise ValueError(f"image is empty, {self.image.shape}: a frame has at least one pixel")

    def __repr__(self) -> str:
        height, width = self.size_hw
        name = f" {self.name!r}" if self.name else ""
        return f"<Frame {self.index}{name}, {width}x{height}, at {float(self.time):.3f} s>"

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
        looks: `(N, D)` int8, what each looks like, in numbers that only the same detector's can be compared
            with; D is 0 where nobody asked for it.
        shapes: `(N, S)` uint8, the mask of each as a coarse grid over its box, see `sav.data.shapes`; a row
            of zeros where it is not known, and S is 0 where nobody asked for any.

    Raises:
        ValueError: If one has another shape or type, or is not finite.
    """

    boxes_xyxy: FloatArray
    scores: FloatArray
    class_ids: IntArray
    looks: NDArray[np.int8] = field(default_factory=lambda: _NO_LOOKS)
    shapes: NDArray[np.uint8] = field(default_factory=lambda: _NO_SHAPES)

    def __post_init__(self) -> None:
        check_array("boxes_xyxy", self.boxes_xyxy, (None, 4), np.float32)
        count = len(self.boxes_xyxy)
        check_array("scores", self.scores, (count,), np.float32)
        check_array("class_ids", self.class_ids, (count,), np.int64)
        if self.looks is _NO_LOOKS:
            object.__setattr__(self, "looks", np.zeros((count, 0), np.int8))
        check_array("looks", self.looks, (count, None), np.int8)
        if self.shapes is _NO_SHAPES:
            object.__setattr__(self, "shapes", np.zeros((count, 0), np.uint8))
        check_array("shapes", self.shapes, (count, None), np.uint8)

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    def __getitem__(self, index: Any) -> Detections:
        """The detections that a boolean mask, an index array or a slice picks."""
        return Detections(
            self.boxes_xyxy[index],
            self.scores[index],
            self.class_ids[index],
            self.looks[index],
            self.shapes[index],
        )


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
        check_array("track_ids", self.track_ids, (None,), np.int64)
        count = len(self.track_ids)
        check_array("detection_indices", self.detection_indices, (count,), np.int64)
        check_array("boxes_xyxy", self.boxes_xyxy, (count, 4), np.float32)
        check_array("class_ids", self.class_ids, (count,), np.int64)

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
