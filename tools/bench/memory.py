"""Memory: a long video against a short one, and 300 boxes on a large picture.

    python -m tools.bench.memory [--frames 2000] [--sam model/demo_sam.pth] [--json OUT]

The video is generated and its models are stubs, so that only the program's own memory moves: reading,
tracking, masks, drawing, encoding, annotations. The picture is 4000x3000 with 300 boxes; its SAM is real.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from sav.data.masks import Masks
from sav.data.types import Detections
from sav.segmenter import Segmenter

SIZE_HW = (360, 640)
OBJECTS = 10
EARLY_FRAME = 200
LIMIT_GIB = 6.0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--sam", type=Path, default=Path("model/demo_sam.pth"))
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--only", choices=("video", "picture"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.only:
        measured = measure_video(args.frames) if args.only == "video" else measure_picture(args.sam)
        print(json.dumps(measured))
        return 0
    video, picture = (in_a_process_of_its_own(name, args) for name in ("video", "picture"))
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, PyAV {av.__version__}")
    growth = video["late_mib"] / video["early_mib"] - 1
    print(
        f"video  resident after {EARLY_FRAME} frames {video['early_mib']:.1f} MiB, after {args.frames} ",
        end="",
    )
    print(f"{video['late_mib']:.1f} MiB: {growth:+.1%} (wanted: within 5 %)")
    print(f"picture  300 boxes at 4000x3000, {args.sam.name}: peak {picture['peak_gib']:.2f} GiB ", end="")
    print(f"(wanted: under {LIMIT_GIB:.0f} GiB), {picture['masks']} masks")
    if args.json:
        args.json.write_text(json.dumps({"video": video, "picture": picture}, indent=1) + "\n")
    return 0


def in_a_process_of_its_own(name: str, args: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "tools.bench.memory", "--only", name]
    command += ["--frames", str(args.frames), "--sam", str(args.sam)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


class StubDetector:
    """Boxes that drift over the picture; notes the resident memory on the way."""

    def __init__(self) -> None:
        self.categories = {0: "person", 1: "car"}
        self.frame = 0
        self.resident_mib: list[float] = []

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        self.resident_mib.append(psutil.Process().memory_info().rss / 2**20)
        self.frame += 1
        height, width = SIZE_HW
        numbers = np.arange(OBJECTS)
        left = (numbers * 57 + self.frame * (1 + numbers % 3)) % (width - 60)
        top = (numbers * 31 + self.frame) % (height - 90)
        boxes = np.stack([left, top, left + 50, top + 80], axis=1).astype(np.float32)
        return [Detections(boxes, np.full(OBJECTS, 0.9, np.float32), numbers % 2)]


class StubSam:
    """Noisy boxes for masks, so that run-length encodings are long."""

    device = torch.device("cpu")
    shares_out = False

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[int, int]]:
        return [(image.shape[0], image.shape[1]) for image in images]

    def masks_from_boxes(self, size_hw: tuple[int, int], boxes: NDArray[np.float32]) -> Masks:
        generator = np.random.default_rng(0)
        crops = [generator.random((80, 50)) < 0.7 for _ in boxes]
        return Masks.from_crops(size_hw, crops, boxes[:, :2].astype(np.int64))


def measure_video(frames: int) -> dict[str, float]:
    from sav.runs.videos.job import VideoJob
    from sav.runs.videos.run import run_video

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.mp4"
        make_video(source, frames)
        detector = StubDetector()
        segmenter = Segmenter(detector, StubSam(), regions=False)  # type: ignore[arg-type]
        report = run_video(VideoJob(str(source), Path(folder) / "out.mp4"), segmenter)
        assert report.done == frames, report
    resident = detector.resident_mib
    return {"frames": frames, "early_mib": resident[min(EARLY_FRAME, frames) - 1], "late_mib": resident[-1]}


def make_video(path: Path, frames: int) -> None:
    height, width = SIZE_HW
    texture = np.random.default_rng(0).integers(0, 255, (height, 2 * width, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = np.ascontiguousarray(np.roll(texture, index, axis=1)[:, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def measure_picture(checkpoint: Path) -> dict[str, float]:
    from sav.sam.load import load_sam

    model = load_sam(checkpoint, torch.device("cpu"))
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, [3500, 2500], (300, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(50, 500, (300, 2))], axis=1)
    picture = generator.integers(0, 255, (3000, 4000, 3), np.uint8)
    masks = model.masks_from_boxes(model.embed([picture])[0], boxes)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"peak_gib": peak_kib / 2**20, "masks": len(masks)}


if __name__ == "__main__":
    sys.exit(main())
