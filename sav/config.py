"""Settings that the command lines show with their defaults; free of torch, so that --help is instant."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class DetectionConfig:
    """What the detector keeps.

    Attributes:
        conf: Lowest score.
        iou: IoU above which the weaker of two boxes of a class is dropped.
        imgsz: Long side, in pixels, at which the detector sees a picture.
        max_det: Most boxes in a picture.
        classes: Names or ids of the classes to keep; empty means all.
    """

    conf: float = 0.25
    iou: float = 0.7
    imgsz: int = 640
    max_det: int = 300
    classes: tuple[str, ...] = ()


# Trackers make use of weak detections; videos are often wide and their objects small.
VIDEO_DETECTION = replace(DetectionConfig(), conf=0.1, imgsz=1920)
