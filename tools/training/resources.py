"""What a training needs of disk and memory, held against what there is before it begins."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn

from sav.errors import SettingError

# Of ultralytics' table of labels, which each process holds: bytes a picture and a box: as
# measured (1930 and 39), and a fifth more.
LABELS_PER_PICTURE, LABELS_PER_BOX = 2300, 60
# Of its cache of that table on disk (757 a picture with 30 boxes).
CACHE_PER_PICTURE, CACHE_PER_BOX = 500, 30
# Bytes of a process that has imported torch and ultralytics.
_PROCESS = 1.0e9
# Of checkpoints, in bytes a parameter: averaged weights and the optimizer's moments in half precision.
_CHECKPOINT_PER_PARAMETER = 2 + 2 * 2
# Checkpoints that are there at once: last, best, one being written, the export.
_CHECKPOINTS = 4
# What a GPU needs besides what is kept for the way back: weights, gradients, moments and averages in single
# precision, and as a share of the rest what the loss and the libraries take.
_PER_PARAMETER, _BESIDES = 4 * 4, 0.25
# Of a GPU's memory, what CUDA and its libraries take.
_LIBRARIES = 0.8e9
_GB = 1e9


@dataclass(frozen=True)
class Needs:
    """What a training needs, in bytes.

    Attributes:
        disk: Below the run's folder.
        labels: Of memory, for the table of labels of one process.
        processes: How many processes hold that table at least, one a GPU.
        workers: How many further processes read pictures; each may come to hold a copy of the table.
        device: Of each GPU's memory, or of the machine's where there is none.
    """

    disk: float
    labels: float
    processes: int
    workers: int
    device: float

    @property
    def memory(self) -> float:
        """The least that the machine must have free."""
        return self.processes * (self.labels + _PROCESS)

    @property
    def most_memory(self) -> float:
        """What it comes to if the processes that read pictures copy all that they touch."""
        return self.memory + self.workers * self.labels


def needs(model: nn.Module, pictures: int, boxes: int, settings: dict[str, Any]) -> Needs:
    """What training a model on so many pictures and boxes needs.

    Args:
        model: The model, of which shapes alone are looked at; it may be on the device "meta".
        pictures: Of training and validation.
        boxes: Likewise.
        settings: ultralytics' arguments: batch, imgsz, device, workers and amp.
    """
    devices = devices_of(settings["device"])
    count, on_cpu = len(devices), devices == ["cpu"]
    parameters = sum(tensor.numel() for tensor in model.parameters())
    kept = _kept_for_the_way_back(model, settings["imgsz"]) * (
        0.5 if settings.get("amp") and not on_cpu else 1
    )
    device = (0 if on_cpu else _LIBRARIES) + _PER_PARAMETER * parameters
    device += (1 + _BESIDES) * kept * settings["batch"] / count
    cache = CACHE_PER_PICTURE * pictures + CACHE_PER_BOX * boxes
    return Needs(
        disk=_CHECKPOINTS * _CHECKPOINT_PER_PARAMETER * parameters + cache,
        labels=LABELS_PER_PICTURE * pictures + LABELS_PER_BOX * boxes,
        processes=count,
        workers=0 if on_cpu else count * 3 * settings["workers"],
        device=device,
    )


def devices_of(device: object) -> list[str]:
    """The devices in a list such as `0,1,2,3`."""
    return [one.strip().removeprefix("cuda:") for one in str(device).split(",") if one.strip()]


def _kept_for_the_way_back(model: nn.Module, side: int) -> float:
    """Bytes in single precision that one picture's way through a model leaves for the gradients."""
    kept: dict[int, int] = {}
    held: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)  # or the place of its storage would be given away again
        kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    shadow = copy.deepcopy(model).to("meta").train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        shadow(torch.empty((1, 3, side, side), device="meta"))
    weights = {tensor.untyped_storage()._cdata for tensor in shadow.parameters()}
    return sum(size for storage, size in kept.items() if storage not in weights)


def check(wanted: Needs, folder: Path, device: object) -> Iterator[str]:
    """Hold what a training needs against what there is.

    Yields:
        Lines that say what is needed and what there is, and notes about what may become too little.

    Raises:
        SettingError: There is too little; the message says of what, and what to do.
    """
    yield check_disk(folder, wanted.disk)
    memory = psutil.virtual_memory().available
    devices = devices_of(device)
    on_cpu = devices == ["cpu"]
    least = wanted.memory + (wanted.device if on_cpu else 0)
    yield f"memory: {least / _GB:.1f} GB needed, {memory / _GB:.1f} GB free"
    if least > memory:
        raise SettingError(
            f"the training needs {least / _GB:.1f} GB of memory and {memory / _GB:.1f} are free;"
            " take fewer GPUs or a smaller --batch, or another machine"
        )
    if wanted.most_memory > memory:
        yield (
            f"note: the {wanted.workers} processes that read pictures may come to need"
            f" {wanted.most_memory / _GB:.1f} GB; if memory runs out, take fewer --workers"
        )
    if not on_cpu:
        yield from _check_gpus(wanted, devices)


def check_disk(folder: Path, needed: float) -> str:
    """Hold what is needed of a disk against what is free; gives a line that says both.

    Raises:
        SettingError: There is too little.
    """
    standing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(standing).free
    if needed > free:
        raise SettingError(
            f"{folder} needs {needed / _GB:.1f} GB of disk and has {free / _GB:.1f}; make room there"
        )
    return f"disk: {needed / _GB:.1f} GB needed in {folder}, {free / _GB:.1f} GB free"


def _check_gpus(wanted: Needs, devices: list[str]) -> Iterator[str]:
    count = torch.cuda.device_count()
    for one in devices:
        if not one.isdecimal() or int(one) >= count:
            raise SettingError(
                f"there is no GPU {one} here ({count} in all); name those that are with --device"
            )
        free, _ = torch.cuda.mem_get_info(int(one))
        yield f"GPU {one}: about {wanted.device / _GB:.1f} GB needed, {free / _GB:.1f} GB free"
        if wanted.device > free:
            raise SettingError(
                f"GPU {one} has {free / _GB:.1f} GB free, the training needs about {wanted.device / _GB:.1f};"
                " take a smaller --batch or more GPUs"
            )
