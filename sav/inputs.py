"""What a Python caller hands in as a picture, or as several, turned into frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image as Pillow

from sav.data.types import Frame, Image
from sav.media.pictures import list_pictures, read_picture, readable, to_bgr

Picture: TypeAlias = "Image | Frame | Pillow.Image | str | Path"
"""A file's path, `(H, W, 3)` uint8 BGR, a Pillow picture, or a frame."""


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
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 4)):
        raise ValueError(
            f"a picture must be (H, W, 3) BGR, not {array.shape}; cv2.cvtColor makes one of grey or BGRA"
        )
    if array.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8, 0 to 255, not {array.dtype}")
    return array
