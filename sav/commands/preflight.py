"""What can be known to fail before torch is imported, which takes seconds."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sav.commands.flags import fill_checkpoints
from sav.errors import SettingError

if TYPE_CHECKING:
    from sav.detectors.boxes import BoxFile

# One of these is there wherever torch can find a GPU that it calls CUDA: NVIDIA's, WSL's, AMD's, Jetson's.
_GPU_FILES = (
    "/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia", "/dev/dxg", "/dev/kfd", "/dev/nvhost-gpu",
    "/dev/nvmap", "/dev/nvgpu",
)  # fmt: skip
_ELSEWHERE = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}


def check_device(name: str) -> None:
    """Check that `--device` is one, and not one that this machine cannot have.

    Raises:
        SettingError: If it is not; a GPU that passes may still turn out to be missing.
    """
    if name in ("auto", "cpu"):
        return
    kind, _, number = name.partition(":")
    if kind not in ("cuda", "mps") or (":" in name and not re.fullmatch(r"\d{1,3}", number)):
        meant = _ELSEWHERE.get(name) or (f"cuda:{name}" if re.fullmatch(r"\d{1,3}", name) else "")
        hint = f"did you mean {meant}?" if meant else "take auto, cuda, cuda:1, mps or cpu"
        raise SettingError(f"unknown device '{name}'; {hint}")
    if (sys.platform != "darwin") if kind == "mps" else not _may_have_cuda():
        raise SettingError(f"there is no device '{name}' on this machine; --device auto takes what there is")


def _may_have_cuda() -> bool:
    if sys.platform == "linux":
        return any(Path(path).exists() for path in _GPU_FILES)
    return sys.platform != "darwin"


def check_models(args: argparse.Namespace) -> BoxFile | None:
    """Check that the models' files are there or can be downloaded, and that the wanted classes are known.

    Returns:
        The boxes, if some are given in place of a detector.

    Raises:
        SavError: Something is not; the message says what to do.
        OSError: There is no file of boxes.
    """
    from sav.checkpoints import check_checkpoints
    from sav.config import DetectionConfig
    from sav.detectors.boxes import BoxFile
    from sav.detectors.names import resolve_classes
    from sav.detectors.words import check_words
    from sav.presets import AUTO_PRESET, preset

    if args.preset == AUTO_PRESET:
        fill_checkpoints(args, preset(AUTO_PRESET, args.device))
    if args.boxes and args.words:
        raise SettingError("give --words or --boxes, not both: boxes come in place of a detector")
    if args.boxes:
        check_checkpoints([args.sam_checkpoint], args.offline)
        return BoxFile(args.boxes, DetectionConfig(classes=tuple(args.classes or ()), slices=args.slices))
    check_checkpoints([args.yolo_checkpoint, args.sam_checkpoint], args.offline)
    if args.words:
        resolve_classes(args.classes or (), dict(enumerate(args.words)))
        text = Path(args.text_checkpoint) if args.text_checkpoint else None
        check_words(Path(args.yolo_checkpoint), args.words, text, args.offline)
    else:
        check_classes(args.classes or (), Path(args.yolo_checkpoint))
    return None


def check_boxes_of_video(boxes: BoxFile, source: str) -> None:
    """Raise BoxesError if boxes are of another video, as far as names tell."""
    from sav.media.addresses import local_path
    from sav.media.pictures import list_pictures, readable

    path = local_path(source)
    if path is not None and path.is_dir():
        boxes.check_pictures(readable(picture.name) for picture in list_pictures(path))
    elif path is not None and path.is_file():
        boxes.check_video(path.name)


def check_classes(wanted: Sequence[str], checkpoint: Path) -> None:
    """Check that a detector knows the classes, where its file is there and tells them without being loaded.

    Raises:
        CheckpointError: If the file cannot be read.
        SettingError: If it does not know one; the message names the nearest.
    """
    if not wanted or not checkpoint.exists():
        return
    from sav.detectors.names import read_class_names, resolve_classes

    names = read_class_names(checkpoint)
    if names is not None:
        resolve_classes(wanted, names)
