"""Segment Any Video: whole, named masks for pictures and stable tracks for video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sav.config import (
        PICTURE_DETECTION,
        VIDEO_DETECTION,
        DetectionConfig,
        EverythingConfig,
        MaskConfig,
    )
    from sav.data.instances import Instance, Instances
    from sav.data.masks import Masks
    from sav.data.scene import Scene
    from sav.data.types import Detections, Frame
    from sav.detectors.boxes import BoxFile
    from sav.detectors.protocol import Detector
    from sav.drawing import overlay
    from sav.errors import (
        BoxesError,
        CheckpointError,
        DeviceMemoryError,
        PackageMissingError,
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
    from sav.stages.prompts import Prompts
    from sav.stages.refine.config import RefineConfig
    from sav.trackers import Tracker
    from sav.video_scenes import Tracking, VideoScenes

__version__ = "0.1.0"

# Where each public name lives; imported when it is first used, since torch takes seconds.
_HOMES = {
    "PICTURE_DETECTION": "sav.config",
    "VIDEO_DETECTION": "sav.config",
    "BoxFile": "sav.detectors.boxes",
    "BoxesError": "sav.errors",
    "CheckpointError": "sav.errors",
    "DetectionConfig": "sav.config",
    "Detections": "sav.data.types",
    "Detector": "sav.detectors.protocol",
    "DeviceMemoryError": "sav.errors",
    "DrawConfig": "sav.looks",
    "EverythingConfig": "sav.config",
    "Frame": "sav.data.types",
    "Instance": "sav.data.instances",
    "Instances": "sav.data.instances",
    "MaskConfig": "sav.config",
    "Masks": "sav.data.masks",
    "PackageMissingError": "sav.errors",
    "PictureError": "sav.errors",
    "Prompts": "sav.stages.prompts",
    "RefineConfig": "sav.stages.refine.config",
    "ResultsError": "sav.errors",
    "SavError": "sav.errors",
    "Scene": "sav.data.scene",
    "Segmenter": "sav.segmenter",
    "SettingError": "sav.errors",
    "Tracker": "sav.trackers",
    "Tracking": "sav.video_scenes",
    "VideoDamagedError": "sav.errors",
    "VideoError": "sav.errors",
    "VideoScenes": "sav.video_scenes",
    "WriteError": "sav.errors",
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
    "Detector",
    "DeviceMemoryError",
    "DrawConfig",
    "EverythingConfig",
    "Frame",
    "Instance",
    "Instances",
    "MaskConfig",
    "Masks",
    "PackageMissingError",
    "PictureError",
    "Prompts",
    "RefineConfig",
    "ResultsError",
    "SavError",
    "Scene",
    "Segmenter",
    "SettingError",
    "Tracker",
    "Tracking",
    "VideoDamagedError",
    "VideoError",
    "VideoScenes",
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
