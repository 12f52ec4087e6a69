"""What finds boxes, under the name that callers have for it."""

from sav.detectors.names import resolve_classes
from sav.detectors.yolo import Detector

__all__ = ["Detector", "resolve_classes"]
