"""What a command line's device is to ultralytics' trainer, and to the program's detector."""

from __future__ import annotations

import torch

from sav.device import choose_device


def device_list(name: str) -> str:
    """What ultralytics calls devices: `cpu`, or numbers of GPUs; `auto` is the first GPU if there is one."""
    return name if name != "auto" else "0" if torch.cuda.is_available() else "cpu"


def first_device(name: str) -> torch.device:
    """The device that a checkpoint is measured on: the first of several.

    Raises:
        SettingError: There is no such device here.
    """
    first = device_list(name).split(",")[0].strip()
    return choose_device(f"cuda:{first}" if first.isdecimal() else first)
