"""What the stages work on: pictures, boxes, and things that move through a video, given or generated."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tools.bench.options import Options

Picture = NDArray[np.uint8]


def read_picture(path: Path) -> Picture:
    """A picture file as `(H, W, 3)` uint8 BGR."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise ValueError(f"{path} is no picture that OpenCV reads")
    return np.asarray(picture, np.uint8)


def resized_picture(options: Options, size_hw: tuple[int, int]) -> Picture:
    """The picture of `options`, stretched to `size_hw`."""
    picture = cv2.resize(read_picture(options.picture), size_hw[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def random_boxes(count: int, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """`(count, 4)` boxes of many sizes inside a picture, the same at every call."""
    generator = np.random.default_rng(count)
    height, width = size_hw
    extent = generator.uniform((width / 40, height / 20), (width / 4, height / 2), (count, 2))
    corner = generator.uniform(0, 1, (count, 2)) * (np.array([width, height]) - extent)
    return np.concatenate([corner, corner + extent], axis=1).astype(np.float32)


def moving_boxes(frame: int, count: int, size_hw: tuple[int, int]) -> NDArray[np.float32]:
    """Where `count` things are in a frame of the generated video, `(count, 4)` inside the picture."""
    height, width = size_hw
    number = np.arange(count)
    extent = np.stack([width * (0.05 + 0.01 * (number % 4)), height * (0.2 + 0.03 * (number % 3))], axis=1)
    phase = number * 2.4 + frame * 0.02 * (1 + number % 3)
    middle = np.stack([width * (number + 0.5) / count, height * (0.5 + 0.3 * np.sin(phase))], axis=1)
    boxes = np.concatenate([middle - extent / 2, middle + extent / 2], axis=1)
    return np.clip(boxes, 0, [width, height, width, height]).astype(np.float32)


def ellipses(boxes_xyxy: NDArray[np.float32], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """A filled ellipse in each box, `(N, H, W)` bool."""
    stack = np.zeros((len(boxes_xyxy), *size_hw), np.uint8)
    for mask, (x0, y0, x1, y1) in zip(stack, boxes_xyxy.tolist(), strict=True):
        middle, axes = (round((x0 + x1) / 2), round((y0 + y1) / 2)), (int((x1 - x0) / 2), int((y1 - y0) / 2))
        cv2.ellipse(mask, middle, axes, 0, 0, 360, 1, -1)
    return stack.view(np.bool_)


def moving_picture(frame: int, count: int, background: Picture) -> Picture:
    """A frame of the generated video: coloured ellipses in their boxes before a picture."""
    picture = background.copy()
    for number, (x0, y0, x1, y1) in enumerate(moving_boxes(frame, count, background.shape[:2]).tolist()):
        middle, axes = (round((x0 + x1) / 2), round((y0 + y1) / 2)), (int((x1 - x0) / 2), int((y1 - y0) / 2))
        colour = (40 + 20 * number % 200, 60 * number % 256, 255 - 23 * number % 256)
        cv2.ellipse(picture, middle, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    return picture


def make_video(path: Path, frames: int, count: int, background: Picture) -> Path:
    """Write the generated video as H.264, once; its path."""
    if path.exists():
        return path
    import av
    from av.video.reformatter import Colorspace

    height, width = background.shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # What it says is what it is: FFmpeg converts by BT.601 unless told otherwise.
        stream.codec_context.colorspace = Colorspace.SMPTE170M
        for frame in range(frames):
            picture = moving_picture(frame, count, background)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path
