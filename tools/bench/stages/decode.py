"""Decoding 1080p H.264 to BGR frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from sav.media.reader import open_video
from tools.bench.case import Agreement, Case, Task
from tools.bench.inputs import Picture, make_video, resized_picture
from tools.bench.options import Options

REFERENCE = "cv2.VideoCapture"
FRAMES = 60
_OBJECTS = 10
# Colours between pixels are interpolated differently, which shows at sharp edges of a small picture.
_LEVELS = 4.0


def cases(options: Options) -> list[Case]:
    # Made here, before either side wants it.
    make_clip(options)
    return [Case(f"{FRAMES} frames", count=FRAMES)]


def make_clip(options: Options) -> Any:
    """The generated 1080p video of this stage and of encoding."""
    path = options.folder / "clip.mp4"
    return make_video(path, FRAMES, _OBJECTS, resized_picture(options, options.size_hw))


def ours(options: Options, case: Case) -> Task:
    clip = make_clip(options)

    def run() -> tuple[int, Picture]:
        with open_video(clip) as reader:
            count = 0
            for frame in reader:
                count, last = count + 1, frame.image
        return count, last

    return Task(run)


def theirs(options: Options, case: Case) -> Task:
    clip = str(make_clip(options))

    def run() -> tuple[int, Any]:
        capture, count, last = cv2.VideoCapture(clip), 0, None
        while True:
            found, frame = capture.read()
            if not found:
                capture.release()
                return count, last
            count, last = count + 1, frame

    return Task(run)


def agreement(ours: Any, theirs: Any) -> Agreement:
    difference = float(np.abs(ours[1].astype(np.int16) - theirs[1].astype(np.int16)).mean())
    how = f"{ours[0]} and {theirs[0]} frames, the last ones differ by {difference:.2f} levels on average"
    return Agreement(ours[0] == theirs[0] and difference < _LEVELS, how)


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"frames_per_second": case.count / seconds}
