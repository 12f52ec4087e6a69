"""What a run of the benchmarks is asked for; light to import and to send to other processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Official sizes of SAM, by what segment_anything's registry calls them.
SIZES = {"b": "vit_b", "l": "vit_l", "h": "vit_h"}


@dataclass(frozen=True)
class Options:
    """What to measure, how often, and on what.

    Attributes:
        folder: Where generated checkpoints, pictures and videos go.
        device: `cpu`, `cuda` or `cuda:1`.
        precision: As the scripts have it; the reference is always float32.
        models: SAMs: `b`, `l` and `h` have the official architecture and random weights, `demo` is the demo
            checkpoint, all else is the path of a checkpoint.
        batches: Pictures that the encoder takes at once.
        boxes: Box prompts.
        repeats: Most timed runs of each side.
        budget: Seconds for both sides' timed runs of a case, after the first one.
        picture: The picture that is segmented.
        video: The video that is followed with the demo checkpoints.
        yolo: The detector of whole runs over pictures.
        video_yolo: An ultralytics architecture, for the detector with random weights of 1080p video.
        frames: Frames of the demo video, and of the generated 1080p one.
        size_hw: What is called 1080p.
        points: Points a side of "everything".
        script_seconds: After which a script that is run whole has failed; None for never.
    """

    folder: Path
    device: str = "cpu"
    precision: str = "auto"
    models: tuple[str, ...] = ("b",)
    batches: tuple[int, ...] = (1, 4)
    boxes: tuple[int, ...] = (1, 20, 100, 300)
    repeats: int = 5
    budget: float = 40.0
    picture: Path = ROOT / "TestImages" / "clear.jpg"
    video: Path = ROOT / "TestImages" / "street.mp4"
    yolo: Path = ROOT / "model" / "demo_yolo.pt"
    video_yolo: str = "yolov8n"
    frames: tuple[int, int] = (24, 6)
    size_hw: tuple[int, int] = (1080, 1920)
    points: int = 32
    script_seconds: float | None = None

    @property
    def on_gpu(self) -> bool:
        """Whether the models run on CUDA."""
        return self.device.startswith("cuda")
