"""Renders `TestImages/`: six pictures, a short video, and their ground truth in COCO form."""

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2

from tools.world.coco import CocoTruth
from tools.world.dataset import min_pixels, truth_of
from tools.world.render import render
from tools.world.scene import Scene, make_scene
from tools.world.video import make_clip

PICTURE_SIZE = (960, 640)
VIDEO_SIZE = (768, 432)
FRAMES_PER_SECOND = 15
SECONDS = 10

PICTURES: tuple[tuple[str, int, str], ...] = (
    ("clear", 3_000_031, "clear"),
    ("dogs", 3_000_000, "clear"),
    ("overcast", 3_000_025, "overcast"),
    ("rain", 3_000_026, "rain"),
    ("snow", 3_000_003, "snow"),
    ("dusk", 3_000_012, "dusk"),
)
"""Name, seed and weather of every picture."""

CLIP_SEED = 3_100_006


def write_pictures(folder: Path) -> None:
    """Writes the pictures and their ground truth."""
    truth = CocoTruth()
    for name, seed, weather in PICTURES:
        scene = make_scene(seed, PICTURE_SIZE, weather)
        rendered = render(scene)
        ok, encoded = cv2.imencode(".jpg", rendered.picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        if not ok:
            raise RuntimeError(f"OpenCV could not encode {name}.jpg")
        _write_bytes(folder / f"{name}.jpg", encoded.tobytes())
        truth.add(f"{name}.jpg", truth_of(scene, rendered, min_pixels(PICTURE_SIZE)), True)
    truth.write(folder / "ground_truth" / "pictures.json")


class Filmed(Protocol):
    """What can be filmed."""

    def scene(self, seconds: float) -> Scene:
        """The scene at a time after the beginning."""


def write_clip(
    clip: Filmed, path: Path, truth_path: Path, size: tuple[int, int], rate: int, seconds: int
) -> None:
    """Writes so many `seconds` of a clip as an MP4, with `rate` frames a second, and its ground truth."""
    truth = CocoTruth()
    temporary = path.with_name(f".{path.stem}-partial.mp4")
    with av.open(str(temporary), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"crf": "27", "preset": "slow", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(rate * seconds):
            scene = clip.scene(float(Fraction(index, rate)))
            rendered = render(scene)
            frame = av.VideoFrame.from_ndarray(rendered.picture, format="bgr24")
            container.mux(stream.encode(frame))
            truth.add(path.name, truth_of(scene, rendered, min_pixels(size)), False, frame_index=index)
        container.mux(stream.encode())
    temporary.replace(path)
    truth.write(truth_path)


def write_video(folder: Path) -> None:
    """Writes the video and its ground truth."""
    clip, truth_path = make_clip(CLIP_SEED, VIDEO_SIZE, SECONDS), folder / "ground_truth" / "street.json"
    write_clip(clip, folder / "street.mp4", truth_path, VIDEO_SIZE, FRAMES_PER_SECOND, SECONDS)


def _write_bytes(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def main() -> None:
    """Renders everything anew; the same version of the code gives the same pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("TestImages"))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    write_pictures(args.folder)
    write_video(args.folder)


if __name__ == "__main__":
    main()
