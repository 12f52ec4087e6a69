"""Trains the demo's detector with ultralytics' own trainer, from random weights, on rendered scenes."""

import argparse
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch

from sav.detectors.door import import_ultralytics
from sav.device import has_fast_bfloat16

import_ultralytics()  # so that it neither installs nor asks the network

from ultralytics import YOLO  # type: ignore[attr-defined] # noqa: E402
from ultralytics.models.yolo.detect import DetectionTrainer  # noqa: E402
from ultralytics.nn.tasks import DetectionModel  # noqa: E402
from ultralytics.utils import LOGGER  # noqa: E402

from tools.training.stripping import strip  # noqa: E402

LOGGER.setLevel(logging.WARNING)

ARCHITECTURE = "yolov8n.yaml"
IMAGE_SIZE = 640


@contextmanager
def bfloat16_training() -> Iterator[None]:
    """Runs detection models' forward pass in bfloat16 while they train on a CPU; outputs stay float32."""
    plain = DetectionModel.predict

    def predict(self: DetectionModel, x: torch.Tensor, *args: object, **kwargs: object) -> object:
        if not self.training or x.device.type != "cpu":
            return plain(self, x, *args, **kwargs)
        with torch.autocast("cpu", torch.bfloat16):
            return _as_float(plain(self, x, *args, **kwargs))

    DetectionModel.predict = predict  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        DetectionModel.predict = plain  # type: ignore[method-assign]


def _as_float(outputs: object) -> object:
    if isinstance(outputs, torch.Tensor):
        return outputs.float()
    if isinstance(outputs, dict):
        return {k: _as_float(v) for k, v in outputs.items()}
    if isinstance(outputs, (list, tuple)):
        return type(outputs)(_as_float(v) for v in outputs)
    return outputs


def train(
    data: Path,
    folder: Path,
    epochs: int,
    batch: int,
    image_size: int = IMAGE_SIZE,
    rate: float = 2e-3,
    start: Path | None = None,
    on_epoch: Callable[[DetectionTrainer], None] = lambda trainer: None,
) -> None:
    """Trains on the scenes that `data` names, or goes on with an unfinished run in `folder`.

    Args:
        data: `street.yaml` as written by `tools.world.dataset`.
        folder: Where ultralytics keeps the run; `weights/last.pt` and `weights/best.pt` are its checkpoints.
        epochs: Length of the schedule.
        batch: Pictures a step.
        image_size: Longer side of the pictures in pixels.
        rate: Highest learning rate.
        start: Weights of ours to start from; without, they are random.
        on_epoch: Called with ultralytics' trainer after every epoch.
    """
    last = folder / "weights" / "last.pt"
    start_or_last = last if last.exists() else start or ARCHITECTURE
    common = {
        "data": str(data),
        "workers": 0,
        "plots": False,
        "device": "cpu" if not torch.cuda.is_available() else 0,
    }
    model = YOLO(start_or_last, task="detect")
    model.add_callback("on_fit_epoch_end", on_epoch)
    with bfloat16_training() if has_fast_bfloat16(model.device) else nullcontext():
        if last.exists():
            model.train(resume=True, **common)
            return
        model.train(
            epochs=epochs,
            batch=batch,
            nbs=batch,
            imgsz=image_size,
            rect=True,
            cache="ram",
            amp=False,
            pretrained=bool(start),
            seed=1,
            optimizer="AdamW",
            lr0=rate,
            lrf=0.02,
            cos_lr=True,
            warmup_epochs=0.1 if start else 1.0,
            warmup_bias_lr=0.0,
            weight_decay=1e-3,
            mosaic=0.0,
            scale=0.3,
            translate=0.08,
            hsv_v=0.3,
            fliplr=0.5,
            erasing=0.0,
            patience=0,
            project=str(folder.parent.resolve()),
            name=folder.name,
            exist_ok=True,
            **common,
        )


def report(trainer: DetectionTrainer) -> None:
    """Prints how an epoch went."""
    metrics: dict[str, float] = trainer.metrics or {}
    found = {name: value for name, value in metrics.items() if "mAP" in name}
    figures = "  ".join(f"{name} {value:.3f}" for name, value in found.items())
    print(f"epoch {trainer.epoch + 1} of {trainer.epochs}  {figures}", flush=True)


def main() -> None:
    """Trains, or goes on where the run in the folder was stopped; then writes `demo_yolo.pt` there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenes", type=Path, help="folder written by python -m tools.world.dataset")
    parser.add_argument("folder", type=Path, help="where the run goes; an unfinished run there goes on")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=IMAGE_SIZE, help="longer side of the pictures in pixels")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument(
        "--start", type=Path, help="our own earlier weights to go on from with a new schedule"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(
        args.scenes / "street.yaml",
        args.folder,
        args.epochs,
        args.batch,
        args.size,
        args.rate,
        args.start,
        report,
    )
    strip(args.folder / "weights" / "best.pt", args.folder / "demo_yolo.pt")


if __name__ == "__main__":
    main()
