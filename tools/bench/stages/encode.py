"""Encoding 1080p BGR frames: ours to H.264, the reference to MPEG-4 part 2, the best in OpenCV's wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sav.media.reader import open_video
from sav.media.writer import VideoWriter
from tools.bench.case import Agreement, Case, Task
from tools.bench.inputs import Picture
from tools.bench.options import Options
from tools.bench.stages.decode import FRAMES, make_clip

REFERENCE = "cv2.VideoWriter, MPEG-4 part 2 (no H.264 in its wheel)"
_LEAST_PSNR = 30.0


def cases(options: Options) -> list[Case]:
    make_clip(options)
    return [Case(f"{FRAMES} frames", count=FRAMES)]


def ours(options: Options, case: Case) -> Task:
    with open_video(make_clip(options)) as reader:
        info, frames = reader.info, list(reader)
    path = options.folder / "ours.mp4"

    def run() -> Path:
        with VideoWriter(path, info) as writer:
            for frame in frames:
                writer.write(frame)
        return path

    return Task(run, lambda path: _quality(path, [frame.image for frame in frames]))


def theirs(options: Options, case: Case) -> Task:
    with open_video(make_clip(options)) as reader:
        pictures = [frame.image for frame in reader]
    path = options.folder / "theirs.mp4"

    def run() -> Path:
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(path), code, 30.0, options.size_hw[::-1])
        for picture in pictures:
            writer.write(picture)
        writer.release()
        return path

    return Task(run, lambda path: _quality(path, pictures))


def _quality(path: Path, pictures: list[Picture]) -> tuple[int, float, float]:
    """Frames read back, their PSNR in dB, and the file's size in MiB."""
    with open_video(path) as reader:
        errors = [
            float(np.square(cv2.absdiff(frame.image, picture).astype(np.float32)).mean())
            for frame, picture in zip(reader, pictures, strict=True)
        ]
    psnr = 10 * float(np.log10(255**2 / np.mean(errors)))
    return len(errors), psnr, path.stat().st_size / 2**20


def agreement(ours: Any, theirs: Any) -> Agreement:
    told = [f"{count} frames, {psnr:.1f} dB, {size:.2f} MiB" for count, psnr, size in (ours, theirs)]
    return Agreement(ours[0] == theirs[0] and ours[1] >= _LEAST_PSNR, "; reference ".join(told))


def figures(case: Case, seconds: float, evidence: Any, hardware: dict[str, Any]) -> dict[str, float]:
    return {"frames_per_second": case.count / seconds}
