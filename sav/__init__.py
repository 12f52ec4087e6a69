"""Segment Any Video: whole, named masks for pictures and stable tracks for video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sav.config import DetectionConfig
    from sav.scene import Scene
    from sav.segment import Segmenter
    from sav.trackers import Tracker

__all__ = ["DetectionConfig", "Scene", "Segmenter", "Tracker"]
__version__ = "0.1.0"

# Where each public name lives; imported when it is first used, since torch takes seconds.
_HOMES = {
    "DetectionConfig": "sav.config",
    "Scene": "sav.scene",
    "Segmenter": "sav.segment",
    "Tracker": "sav.trackers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
