"""What can be known to fail before torch is imported, which takes seconds."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# Bytes for which there must be room on a disk.
_PROBE = 1 << 16
# One of these is there wherever torch can find a GPU that it calls CUDA: NVIDIA's, WSL's, AMD's, Jetson's.
_GPU_FILES = (
    "/dev/nvidiactl", "/dev/nvidia0", "/proc/driver/nvidia", "/dev/dxg", "/dev/kfd", "/dev/nvhost-gpu",
    "/dev/nvmap", "/dev/nvgpu",
)  # fmt: skip
_ELSEWHERE = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}


def check_device(name: str) -> None:
    """Check that `--device` is one, and not one that this machine cannot have.

    Raises:
        ValueError: If it is not; a GPU that passes may still turn out to be missing.
    """
    if name in ("auto", "cpu"):
        return
    kind, _, number = name.partition(":")
    if kind not in ("cuda", "mps") or (":" in name and not re.fullmatch(r"\d{1,3}", number)):
        meant = _ELSEWHERE.get(name) or (f"cuda:{name}" if re.fullmatch(r"\d{1,3}", name) else "")
        hint = f"did you mean {meant}?" if meant else "take auto, cuda, cuda:1, mps or cpu"
        raise ValueError(f"unknown device '{name}'; {hint}")
    if (sys.platform != "darwin") if kind == "mps" else not _may_have_cuda():
        raise ValueError(f"there is no device '{name}' on this machine; --device auto takes what there is")


def _may_have_cuda() -> bool:
    if sys.platform == "linux":
        return any(Path(path).exists() for path in _GPU_FILES)
    return sys.platform != "darwin"


def check_folder(folder: Path) -> None:
    """Check that files can be written in `folder`, or that it can be made; nothing is left there.

    Raises:
        NotADirectoryError: It, or what it is to lie in, is a file.
        PermissionError: Nothing can be written there.
    """
    standing = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not standing.is_dir():
        raise NotADirectoryError(f"{standing} is a file; name a folder")
    try:
        with tempfile.TemporaryFile(dir=standing) as file:
            file.write(bytes(_PROBE))
    except OSError as error:
        raise PermissionError(f"cannot write in the folder {standing}: {error.strerror}") from None


def check_classes(wanted: Sequence[str], checkpoint: Path) -> None:
    """Check that a detector knows the classes, where its file is there and tells them without being loaded.

    Raises:
        CheckpointError: If the file cannot be read.
        ValueError: If it does not know one; the message names the nearest.
    """
    if not wanted or not checkpoint.exists():
        return
    from sav.detectors.names import read_class_names, resolve_classes

    names = read_class_names(checkpoint)
    if names is not None:
        resolve_classes(wanted, names)
