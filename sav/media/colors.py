"""Decoded pictures to BGR arrays and back, with the video's colour matrix and range, inside FFmpeg."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from sav.data.types import Image
from sav.media import hdr

# Code points of ITU-T H.273, as FFmpeg uses them.
_BT709, _UNSPECIFIED = 1, 2
LIMITED_RANGE = 1

# From the H.273 matrix to libswscale's number for its coefficients.
_SWSCALE_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}

# Formats that libswscale makes planes of colours of in less time than BGR, by vector code that is there for
# these alone. With an even height it makes the same bytes of them: rows of colour between two of the source
# weigh a quarter and three quarters then, which needs no rounding.
_QUICK = {f"yuv{kind}p{depth}" for kind in ("420", "422", "444") for depth in ("", "10le")}
_QUICK |= {"yuvj420p", "yuvj422p", "yuvj444p", "nv12", "p010le"}

# Without accurate rounding libswscale darkens by up to two levels; without full chroma it blurs edges.
# The flags SWS_ACCURATE_RND and SWS_FULL_CHR_H_INT of libswscale have names in PyAV only from 18 on.
_ACCURATE = int(Interpolation.BILINEAR) | 0x40000 | 0x2000


@dataclass(frozen=True)
class ColorTags:
    """What the numbers in a video's pixels mean (code points of ITU-T H.273).

    Attributes:
        matrix: From YUV to RGB; 2 if the video does not say.
        primaries: The colours that red, green and blue stand for.
        transfer: From the numbers to light.
    """

    matrix: int = _UNSPECIFIED
    primaries: int = _UNSPECIFIED
    transfer: int = _UNSPECIFIED

    @classmethod
    def of(cls, picture: av.VideoFrame) -> ColorTags:
        """The tags that a copy of the picture bears: its own, but BT.709 for RGB and for HDR."""
        if picture.format.is_rgb or _is_hdr(picture):
            return cls(_BT709, _BT709, _BT709)
        return cls(int(picture.colorspace), int(picture.color_primaries), int(picture.color_trc))


def _is_hdr(picture: av.VideoFrame) -> bool:
    return picture.color_trc in (hdr.PQ, hdr.HLG)


def _matrix(tag: int, size_hw: tuple[int, int]) -> int:
    """libswscale's number of the matrix; where the video does not say, what players assume for its size."""
    height, width = size_hw
    is_high_definition = width >= 1280 or height > 576
    return _SWSCALE_MATRIX.get(tag, 1 if is_high_definition else 5)


@cache
def keep_after_fork() -> None:
    """From now on a process that is forked off leaves alone what its parent has not yet thrown away.

    FFmpeg's converters have threads, which are not there after a fork: who frees one waits for them for ever.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=gc.freeze)


class ToBgr:
    """Turns decoded pictures into BGR arrays; HDR (PQ, HLG) is brought to BT.709."""

    def __init__(self) -> None:
        keep_after_fork()
        self._reformatter = VideoReformatter()

    def __call__(self, picture: av.VideoFrame) -> Image:
        """The picture as `(H, W, 3)` uint8, BGR."""
        size_hw = picture.height, picture.width
        is_quick = picture.format.name in _QUICK and picture.height % 2 == 0
        converted = self._reformatter.reformat(
            picture,
            format="gbrp" if is_quick else "bgr24",
            src_colorspace=None if picture.format.is_rgb else _matrix(picture.colorspace, size_hw),
            interpolation=_ACCURATE,
        )
        image = _merged(converted) if is_quick else np.ascontiguousarray(converted.to_ndarray(), np.uint8)
        return hdr.to_ordinary(image, picture.color_trc) if _is_hdr(picture) else image


def _merged(planes: av.VideoFrame) -> Image:
    """Planes of green, blue and red as `(H, W, 3)` uint8, BGR."""
    buffers: Sequence[Any] = planes.planes
    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in buffers]
    green, blue, red = (plane[: planes.height, : planes.width] for plane in rows)
    return np.asarray(cv2.merge([blue, green, red]), np.uint8)


class FromBgr:
    """Turns BGR arrays into limited-range yuv420p pictures of even height and width.

    yuv420p has no odd sizes. An odd picture gets one more column at its right or one more row at its
    bottom, the outermost one repeated: nothing is cut, nothing is scaled, and coordinates stay true.
    """

    def __init__(self, tags: ColorTags, size_hw: tuple[int, int]) -> None:
        keep_after_fork()
        self._reformatter = VideoReformatter()
        self._matrix = _matrix(tags.matrix, size_hw)

    def __call__(self, image: Image) -> av.VideoFrame:
        """A `(H, W, 3)` uint8 BGR image as a picture for the encoder."""
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            padded = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            image = np.asarray(padded, np.uint8)
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), format="bgr24"),
            format="yuv420p",
            dst_colorspace=self._matrix,
            dst_color_range=LIMITED_RANGE,
            interpolation=_ACCURATE,
        )
