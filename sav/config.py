"""Settings that a user can change, each with its default; free of torch, so that --help is instant."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral
from typing import Any

from sav.checks import check_choice, check_number, check_whole
from sav.errors import SettingError

# Which tracker follows the objects of videos.
DEFAULT_TRACKER = "sav"

# How exactly SAM's image encoder computes: `auto` takes bfloat16 where the device does it fast.
PRECISIONS = ("auto", "float32", "bfloat16", "float16")

# Beyond these a detector needs more memory than any machine has, or finds nothing more.
LARGEST_IMGSZ = 16_384
MOST_DETECTIONS = 100_000

# Slices of which the detector sees each so many times enlarged; for smaller ones than the least nobody waits.
AUTO_SLICES, AUTO_ENLARGED = "auto", 2
LEAST_SLICE = 64
MOST_OVERLAP = 0.8

# Points across a picture at which SAM is asked for all that there is: its masks have as many logits.
MOST_POINTS_PER_SIDE = 256

# Width times height, in millions, above which a picture is not decoded unless the user says so.
MAX_PICTURE_MEGAPIXELS = 200.0

# Likewise of a frame of a video.
MAX_FRAME_MEGAPIXELS = 100.0


def _as_classes(wanted: object) -> tuple[str | int, ...]:
    """One class or several as a tuple."""
    if isinstance(wanted, str | Integral) and not isinstance(wanted, bool):
        wanted = [wanted]
    if wanted is None or not isinstance(wanted, Iterable):
        raise SettingError(
            f"classes must be names or ids, such as ('person', 'dog') or (0, 16), not {wanted!r}"
        )
    classes = [int(one) if isinstance(one, Integral) else one for one in wanted]
    for one in classes:
        if not isinstance(one, str | int) or isinstance(one, bool):
            raise SettingError(f"classes must be names or ids, such as 'person' or 0, not {one!r}")
    return tuple(classes)


def _as_slices(wanted: object) -> str | tuple[int, int] | None:
    """`auto`, or a width and height, however they are written."""
    if wanted is None or wanted == AUTO_SLICES:
        return wanted  # type: ignore[return-value]
    sides = (
        re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", wanted.strip().lower()) if isinstance(wanted, str) else None
    )
    pair = sides.groups() if sides else wanted
    if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
        raise SettingError(f"slices must be auto, or a width and height such as 640x640, not {wanted!r}")
    width, height = (int(side) if isinstance(side, str) else side for side in pair)
    for side in (width, height):
        check_whole("a side of slices", side, LEAST_SLICE, LARGEST_IMGSZ)
    return int(width), int(height)


@dataclass(frozen=True)
class DetectionConfig:
    """What the detector keeps. A field that is None means the default of pictures, or of videos.

    Attributes:
        conf: Lowest score, 0 to 1.
        iou: IoU above which the weaker of two boxes of a class is dropped.
        imgsz: Long side, in pixels, at which the detector sees a picture; a smaller one is not enlarged.
        max_det: Most boxes in a picture.
        classes: Names or ids of the classes to keep, or one of them; empty means all.
        slices: Width and height, in pixels, of slices in which a picture is seen, too, for the sake of small
            objects: `(640, 640)`, `"640x640"` or `"auto"`, half of `imgsz`. One smaller than `imgsz` is
            enlarged to it. None means no slices.
        slice_overlap: Share of its side by which a slice overlaps the next; an object smaller than that is
            whole in one of them.

    Raises:
        SettingError: If a value is out of its range.
    """

    conf: float | None = None
    iou: float | None = None
    imgsz: int | None = None
    max_det: int | None = None
    classes: tuple[str | int, ...] = ()
    slices: str | tuple[int, int] | None = None
    slice_overlap: float | None = None

    def __post_init__(self) -> None:
        for name, most in (("conf", 1.0), ("iou", 1.0), ("slice_overlap", MOST_OVERLAP)):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), most=most)
        for name, largest in (("imgsz", LARGEST_IMGSZ), ("max_det", MOST_DETECTIONS)):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 1, largest)
        object.__setattr__(self, "classes", _as_classes(self.classes))
        object.__setattr__(self, "slices", _as_slices(self.slices))

    def over(self, defaults: DetectionConfig) -> DetectionConfig:
        """These settings, with those of `defaults` where a field is open."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(defaults, **{name: value for name, value in chosen.items() if value not in (None, ())})


PICTURE_DETECTION = DetectionConfig(conf=0.25, iou=0.7, imgsz=640, max_det=300, slice_overlap=0.2)
# Trackers make use of weak detections; videos are often wide and their objects small.
VIDEO_DETECTION = replace(PICTURE_DETECTION, conf=0.1, imgsz=1920)


@dataclass(frozen=True)
class MaskConfig:
    """What is done with masks after SAM has made them.

    Attributes:
        duplicate_iou: Of objects of one class whose masks overlap by more than this IoU, one stays: in a
            picture the surest, in a video the one that was followed first. 1 keeps all.

    Raises:
        SettingError: If it is not from 0 to 1.
    """

    duplicate_iou: float = 0.8

    def __post_init__(self) -> None:
        check_number("duplicate_iou", self.duplicate_iou)


@dataclass(frozen=True)
class EverythingConfig:
    """How SAM looks for all that is in a picture, whatever it is; the defaults are segment_anything's.

    The names that its SamAutomaticMaskGenerator has for them stand in brackets.

    Attributes:
        points_per_side: SAM is asked at a grid of so many points across and down (`points_per_side`); more
            find smaller things, and take as much longer as they are more.
        points_per_batch: Points that are asked at once where that is not measured out by the device
            (`points_per_batch`).
        predicted_iou_threshold: Least IoU that SAM itself predicts of a mask (`pred_iou_thresh`); None means
            that of its generation, 0.88, and 0.8 for SAM 2. 0 switches the filter off.
        stability_threshold: Least IoU of a mask with itself when its logits are cut off by `stability_offset`
            above and below 0 (`stability_score_thresh`). 0 switches the filter off.
        stability_offset: See there (`stability_score_offset`).
        nms_threshold: IoU of boxes above which the mask goes that has the lower predicted IoU
            (`box_nms_thresh`). 1 keeps all.

    Raises:
        SettingError: If a value is out of its range.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    predicted_iou_threshold: float | None = None
    stability_threshold: float = 0.95
    stability_offset: float = 1.0
    nms_threshold: float = 0.7

    def __post_init__(self) -> None:
        check_whole("points_per_side", self.points_per_side, 1, MOST_POINTS_PER_SIDE)
        check_whole("points_per_batch", self.points_per_batch, 1, MOST_POINTS_PER_SIDE**2)
        if self.predicted_iou_threshold is not None:
            check_number("predicted_iou_threshold", self.predicted_iou_threshold, most=math.inf)
        for name in ("stability_threshold", "stability_offset", "nms_threshold"):
            check_number(name, getattr(self, name), most=math.inf)


def as_settings(
    detect: DetectionConfig, masks: MaskConfig, everything: EverythingConfig, for_video: bool
) -> dict[str, Any]:
    """What is set that changes what is found, as JSON has it; open fields are the mode's defaults."""
    chosen = detect.over(VIDEO_DETECTION if for_video else PICTURE_DETECTION)
    settings = {"detect": asdict(chosen), "masks": asdict(masks)}
    if everything != EverythingConfig():  # runs of earlier versions had no other
        settings["everything"] = asdict(everything)
    return dict(json.loads(json.dumps(settings)))


MATTES = ("mp4", "png")
CUTOUT_VIDEOS = ("prores", "vp9")
VIDEO_ENCODERS = ("auto", "x264", "nvenc")


@dataclass(frozen=True)
class SaveOptions:
    """What can be chosen about the files that are written.

    Attributes:
        yolo_track_ids: Write each object's track id at the end of its line, as ultralytics does.
        cutout_ids: The objects of a video to cut out, by track id; none means all.
        cutout_matte: `mp4` for one grey video, or `png` for a picture a frame.
        cutout_video: `prores` for ProRes 4444 in a .mov, or `vp9` for VP9 with alpha in a .webm.
        video_encoder: Who encodes MP4s: `x264` on the CPU, `nvenc` on an NVIDIA GPU that has an encoder, else
            x264 after all, or `auto` for what is faster.

    Raises:
        SettingError: If a choice is none of those.
    """

    yolo_track_ids: bool = False
    cutout_ids: tuple[int, ...] = ()
    cutout_matte: str = "mp4"
    cutout_video: str = "prores"
    video_encoder: str = "auto"

    @property
    def changes(self) -> str:
        """What differs from the defaults, in words, but for who encodes; empty if nothing does."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        usual = {field.name: field.default for field in fields(self)} | {"video_encoder": self.video_encoder}
        return ", ".join(f"{name} {value}" for name, value in chosen.items() if value != usual[name])

    def __post_init__(self) -> None:
        check_choice("video_encoder", self.video_encoder, VIDEO_ENCODERS)
        check_choice("cutout_matte", self.cutout_matte, MATTES)
        check_choice("cutout_video", self.cutout_video, CUTOUT_VIDEOS)
