"""Settings that the command lines show with their defaults; free of torch, so that --help is instant."""

from __future__ import annotations

from dataclasses import dataclass, replace

# How exactly SAM's image encoder computes: `auto` takes bfloat16 where the device does it fast.
PRECISIONS = ("auto", "float32", "bfloat16", "float16")


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

MATTES = ("mp4", "png")
CUTOUT_VIDEOS = ("prores", "vp9")


@dataclass(frozen=True)
class SaveOptions:
    """What can be chosen about single formats.

    Attributes:
        yolo_track_ids: Write each object's track id at the end of its line, as ultralytics does.
        cutout_ids: The objects of a video to cut out, by track id; none means all.
        cutout_matte: `mp4` for one grey video, or `png` for a picture a frame.
        cutout_video: `prores` for ProRes 4444 in a .mov, or `vp9` for VP9 with alpha in a .webm.
    """

    yolo_track_ids: bool = False
    cutout_ids: tuple[int, ...] = ()
    cutout_matte: str = "mp4"
    cutout_video: str = "prores"

    def __post_init__(self) -> None:
        if self.cutout_matte not in MATTES or self.cutout_video not in CUTOUT_VIDEOS:
            raise ValueError(
                f"cutout_matte is one of {', '.join(MATTES)}, cutout_video one of {', '.join(CUTOUT_VIDEOS)}"
            )
