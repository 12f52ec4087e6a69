"""Segment Any Video: whole, named masks for pictures and stable tracks for video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sav.config import PICTURE_DETECTION, VIDEO_DETECTION, DetectionConfig, MaskConfig
    from sav.data.instances import Instance, Instances
    from sav.data.masks import Masks
    from sav.data.scene import Scene
    from sav.data.types import Detections, Frame
    from sav.detectors.boxes import BoxFile
    from sav.drawing import overlay
    from sav.errors import (
        BoxesError,
        CheckpointError,
        DeviceMemoryError,
        PictureError,
        ResultsError,
        SavError,
        SettingError,
        VideoDamagedError,
        VideoError,
        WriteError,
    )
    from sav.looks import DrawConfig
    from sav.media.reader import open_video
    from sav.presets import preset
    from sav.segmenter import Segmenter
    from sav.stages.refine.config import RefineConfig
    from sav.trackers import Tracker

__version__ = "0.1.0"

# Where each public name lives; imported when it is first used, since torch takes seconds.
_HOMES = {
    "WriteError": "sav.errors",
    "SettingError": "sav.errors",
    "SavError": "sav.errors",
    "ResultsError": "sav.errors",
    "PictureError": "sav.errors",
    "DeviceMemoryError": "sav.errors",
    "CheckpointError": "sav.errors",
    "DetectionConfig": "sav.config",
    "Detections": "sav.data.types",
    "DrawConfig": "sav.looks",
    "Frame": "sav.data.types",
    "Instance": "sav.data.instances",
    "Instances": "sav.data.instances",
    "MaskConfig": "sav.config",
    "Masks": "sav.data.masks",
    "PICTURE_DETECTION": "sav.config",
    "RefineConfig": "sav.stages.refine.config",
    "Scene": "sav.data.scene",
    "Segmenter": "sav.segmenter",
    "Tracker": "sav.trackers",
    "VIDEO_DETECTION": "sav.config",
    "VideoDamagedError": "sav.errors",
    "VideoError": "sav.errors",
    "BoxFile": "sav.detectors.boxes",
    "BoxesError": "sav.errors",
    "open_video": "sav.media.reader",
    "overlay": "sav.drawing",
    "preset": "sav.presets",
}
__all__ = [
    "PICTURE_DETECTION",
    "VIDEO_DETECTION",
    "BoxFile",
    "BoxesError",
    "CheckpointError",
    "DetectionConfig",
    "Detections",
    "DeviceMemoryError",
    "DrawConfig",
    "Frame",
    "Instance",
    "Instances",
    "MaskConfig",
    "Masks",
    "PictureError",
    "RefineConfig",
    "ResultsError",
    "SavError",
    "Scene",
    "Segmenter",
    "SettingError",
    "Tracker",
    "VideoDamagedError",
    "VideoError",
    "WriteError",
    "open_video",
    "overlay",
    "preset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
