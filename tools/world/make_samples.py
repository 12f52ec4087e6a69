"""Renders `TestImages/`: six pictures, a short video, and their ground truth in COCO form."""

import argparse
from fractions import Fraction
from pathlib import Path

import av
import cv2

from tools.world.coco import CocoTruth
from tools.world.dataset import min_pixels, truth_of
from tools.world.render import render
from tools.world.scene import make_scene
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


def write_video(folder: Path) -> None:
    """Writes the video and its ground truth."""
    clip, truth = make_clip(CLIP_SEED, VIDEO_SIZE, SECONDS), CocoTruth()
    temporary = folder / ".street-partial.mp4"
    with av.open(str(temporary), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(
            "libx264", rate=FRAMES_PER_SECOND, options={"crf": "27", "preset": "slow", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = *VIDEO_SIZE, "yuv420p"
        for index in range(FRAMES_PER_SECOND * SECONDS):
            scene = clip.scene(float(Fraction(index, FRAMES_PER_SECOND)))
            rendered = render(scene)
            frame = av.VideoFrame.from_ndarray(rendered.picture, format="bgr24")
            container.mux(stream.encode(frame))
            truth.add(
                "street.mp4", truth_of(scene, rendered, min_pixels(VIDEO_SIZE)), False, frame_index=index
            )
        container.mux(stream.encode())
    temporary.replace(folder / "street.mp4")
    truth.write(folder / "ground_truth" / "street.json")


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
