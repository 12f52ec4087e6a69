"""What a Python caller hands in, as pictures, videos or boxes, made what the stages take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image as Pillow

from sav.data.types import Detections, Frame, Image
from sav.media.pictures import list_pictures, read_picture, readable, to_bgr
from sav.media.reader import open_video
from sav.media.selection import Moment
from sav.media.video import VideoInfo, VideoReader

Picture: TypeAlias = "Image | Frame | Pillow.Image | str | Path"
"""A file's path, `(H, W, 3)` uint8 BGR, a Pillow picture, or a frame."""

Source: TypeAlias = "str | int | Path | VideoReader | Iterable[Picture]"
"""A video, a folder of numbered pictures, a camera's number, an address, a reader, or frames."""

# Frames per second of frames that come without a time.
USUAL_RATE = 30


@dataclass(frozen=True)
class OpenSource:
    """The frames of a video that is open.

    Attributes:
        frames: They, in order.
        frame_rate: Frames per second.
        info: The video's properties; None for frames that a caller hands in.
        comes_live: Whether frames come when they please, so that waiting for several is a delay.
        release: Lets go of what was opened.
    """

    frames: Iterable[Frame]
    frame_rate: Fraction
    info: VideoInfo | None = None
    comes_live: bool = True
    release: Callable[[], None] = lambda: None


def open_source(
    source: Source,
    start: str | Moment | None = None,
    end: str | Moment | None = None,
    stride: int = 1,
    frame_rate: float | None = None,
) -> OpenSource:
    """Open a video in any of the forms that `Source` names.

    Args:
        source: The video; a reader is left open and has its own start, end and stride.
        start: First frame, as `open_video` takes it.
        end: First frame that is not wanted, likewise.
        stride: Take every how many frames.
        frame_rate: Frames per second of frames that are handed in; None for the usual.

    Raises:
        OSError: There is no such source.
        ValueError: It cannot be read or an argument makes no sense.
    """
    if isinstance(source, VideoReader):
        return OpenSource(source, source.frame_rate, source.info, source.is_live)
    if isinstance(source, str | int | np.integer | Path):
        path = source if isinstance(source, str | Path) else str(source)  # a camera's number
        reader = open_video(path, start, end, stride)
        return OpenSource(reader, reader.frame_rate, reader.info, reader.is_live, reader.close)
    rate = Fraction(frame_rate or USUAL_RATE)
    return OpenSource(as_frames(source, rate), rate)


def as_frame(picture: Any) -> Frame:
    """A picture in any of the forms that `Picture` names.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no picture, or an array of another shape or type.
        TypeError: If it is several pictures, or of a kind that is none.
    """
    if isinstance(picture, Frame):
        return picture
    if isinstance(picture, str | Path):
        path = Path(picture)
        if path.is_dir():
            raise IsADirectoryError(
                f"{path} is a folder; write: for scene in segmenter.pictures({str(path)!r})"
            )
        return Frame(read_picture(path), name=readable(path.name))
    if isinstance(picture, Pillow.Image):
        name = Path(str(getattr(picture, "filename", ""))).name
        return Frame(to_bgr(picture), name=name)
    if isinstance(picture, np.ndarray):
        return Frame(_checked(picture))
    if hasattr(picture, "permute"):
        raise TypeError(
            "a tensor is no picture; of (3, H, W) uint8 RGB write: "
            "tensor.permute(1, 2, 0).flip(-1).contiguous().cpu().numpy()"
        )
    if isinstance(picture, Iterable):
        raise TypeError("for several pictures write: for scene in segmenter.pictures(...)")
    raise TypeError(
        f"{type(picture).__name__} is no picture; give a path, a (H, W, 3) uint8 BGR array or a PIL image"
    )


def as_frames(pictures: str | Path | Iterable[Any], frame_rate: Fraction | None = None) -> Iterator[Frame]:
    """Several pictures as frames, numbered from 0.

    Args:
        pictures: A folder, or what gives pictures in any of the forms that `Picture` names.
        frame_rate: Frames per second, for the time of those that have none of their own; None leaves it 0.

    Raises:
        OSError: At once, if there is no such folder; in its place, if a file is missing.
        ValueError: In its place, if something is no picture.
    """
    if isinstance(pictures, str | Path):
        pictures = list_pictures(Path(pictures))
    if isinstance(pictures, np.ndarray) and pictures.ndim != 4:
        raise ValueError(f"several pictures have the shape (T, H, W, 3), not {pictures.shape}")
    return (_numbered(picture, index, frame_rate) for index, picture in zip(count(), pictures, strict=False))


def _numbered(picture: Any, index: int, frame_rate: Fraction | None) -> Frame:
    frame = as_frame(picture)
    if isinstance(picture, Frame):
        return frame
    return replace(frame, index=index, time=index / frame_rate if frame_rate else Fraction(0))


def _checked(array: np.ndarray) -> Image:
    """A caller's array, with a hint where it is nearly right."""
    if array.ndim == 4:
        raise ValueError("for several pictures write: for scene in segmenter.pictures(...)")
    if not array.size:
        raise ValueError(f"a picture has at least one pixel; this array is empty, {array.shape}")
    if array.ndim != 3 or array.shape[2] != 3:
        hint = "cv2.cvtColor makes one of grey or BGRA"
        if array.ndim == 3 and array.shape[0] == 3 and array.shape[2] not in (1, 4):
            hint = "of (3, H, W) RGB write: np.ascontiguousarray(array.transpose(1, 2, 0)[..., ::-1])"
        raise ValueError(f"a picture must be (H, W, 3) BGR, not {array.shape}; {hint}")
    if array.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8, 0 to 255, not {array.dtype}")
    return array


def as_detections(
    boxes_xyxy: ArrayLike,
    class_ids: ArrayLike | None,
    scores: ArrayLike | None,
    categories: Mapping[int, str],
    size_hw: tuple[int, int],
) -> Detections:
    """A caller's own boxes, checked.

    Args:
        boxes_xyxy: `(N, 4)` boxes in pixels.
        class_ids: `(N,)` their classes; None for the first that there is.
        scores: `(N,)` their scores, 0 to 1; None for 1.
        categories: Every class that there is, id to name.
        size_hw: Height and width of the picture in pixels.

    Raises:
        ValueError: If a box is none or lies outside the picture, a class is not known, or the lengths differ.
    """
    boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
    classes = np.full(len(boxes), min(categories, default=0)) if class_ids is None else np.asarray(class_ids)
    unknown = set(classes.ravel().tolist()) - set(categories)
    if unknown:
        raise ValueError(f"class_ids has {sorted(unknown)}, which the detector does not know")
    if not (np.isfinite(boxes).all() and (boxes[:, 2:] > boxes[:, :2]).all()):
        raise ValueError("boxes_xyxy must be finite, each with its right and bottom beyond left and top")
    height, width = size_hw
    is_outside = (boxes[:, 2:] <= 0).any(axis=1) | (boxes[:, :2] >= (width, height)).any(axis=1)
    if is_outside.any():
        first = boxes[is_outside][0].tolist()
        raise ValueError(f"boxes_xyxy has {first}, which lies outside the picture, {width}x{height} pixels")
    sure = np.ones(len(boxes)) if scores is None else np.asarray(scores)
    return Detections(boxes, sure.astype(np.float32), classes.astype(np.int64))
