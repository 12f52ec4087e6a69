"""Detectors and SAMs that suit each other and a machine, by a name for each pair."""

from __future__ import annotations

from dataclasses import dataclass

from sav.cores import usable_cores

# What is chosen by the machine.
AUTO_PRESET = "auto"
# A GPU with less memory than this, in bytes, has no room for SAM's huge encoder and "everything".
_LARGE_GPU = 8 * 10**9
# With fewer cores a picture takes minutes with more than the lightest.
_MANY_CORES = 16


@dataclass(frozen=True)
class Preset:
    """A detector's checkpoint and a SAM's.

    Attributes:
        yolo_checkpoint: Where the detector's file is, or is downloaded to.
        sam_checkpoint: Where SAM's is.
        megabytes: The size of both together.
        words_checkpoint: The file of a detector that is told what to find, of about the same size.
    """

    yolo_checkpoint: str
    sam_checkpoint: str
    megabytes: int
    words_checkpoint: str


DEFAULT_PRESET = "best"
PRESETS = {
    "light": Preset("model/yolov8n.pt", "model/mobile_sam.pt", 47, "model/yolov8s-worldv2.pt"),
    "balanced": Preset("model/yolov8m.pt", "model/sam2.1_hiera_small.pt", 236, "model/yolov8m-worldv2.pt"),
    DEFAULT_PRESET: Preset(
        "model/yolov8x.pt", "model/sam_vit_h_4b8939.pth", 2695, "model/yolov8x-worldv2.pt"
    ),
}
PRESET_NAMES = (*PRESETS, AUTO_PRESET)


def preset(name: str = AUTO_PRESET, device: str = "auto") -> Preset:
    """The pair called `name`; `auto` is the best that the device does at a bearable pace.

    From Python: `chosen = preset("light"); Segmenter.load(chosen.yolo_checkpoint, chosen.sam_checkpoint)`.

    Raises:
        SettingError: There is no such pair, or no such device.
    """
    from sav.errors import SettingError

    if name == AUTO_PRESET:
        return PRESETS[_suiting(device)]
    if name not in PRESETS:
        raise SettingError(f"there is no preset '{name}'; take {', '.join(PRESET_NAMES)}")
    return PRESETS[name]


def _suiting(device: str) -> str:
    import torch

    from sav.device import choose_device

    chosen = choose_device(device)
    if chosen.type == "cuda":
        is_large = torch.cuda.get_device_properties(chosen).total_memory >= _LARGE_GPU
        return "best" if is_large else "balanced"
    if chosen.type == "mps":
        return "balanced"
    return "balanced" if usable_cores() >= _MANY_CORES else "light"
