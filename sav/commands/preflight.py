"""What can be known to fail before torch is imported, which takes seconds."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sav.errors import SettingError

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
