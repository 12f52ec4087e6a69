"""Flags that say what is kept of what the models find."""

from __future__ import annotations

import argparse
from dataclasses import fields

from sav.commands.arguments import Parser, share, whole
from sav.config import LARGEST_IMGSZ, MOST_DETECTIONS, DetectionConfig, EverythingConfig, MaskConfig
from sav.errors import SettingError


def add_detection_flags(parser: Parser, defaults: DetectionConfig) -> None:
    """Flags that say what is kept of what the models find."""
    group = parser.add_argument_group("what is kept")
    group.add_argument("--classes", nargs="+", action="extend", metavar="CLASS",
                       help="names or ids of the classes to keep, between blanks or commas"
                            " (default: all)")  # fmt: skip
    group.add_argument("--conf", type=share, default=defaults.conf, metavar="SCORE",
                       help="lowest score of a detection, 0 to 1 (default: %(default)s)")  # fmt: skip
    group.add_argument("--iou", type=share, default=defaults.iou, metavar="IOU",
                       help="overlap above which the weaker of two boxes goes"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--imgsz", type=whole(1, LARGEST_IMGSZ), default=defaults.imgsz, metavar="PIXELS",
                       help="long side of the picture inside the detector; smaller ones are not enlarged"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--slices", type=_slices, metavar="WxH",
                       help="see large pictures in slices, too, for the sake of small objects: the width and"
                            " height of a slice, or auto, half of --imgsz; one smaller than it is enlarged to"
                            " it")  # fmt: skip
    group.add_argument("--slice_overlap", type=share, default=defaults.slice_overlap, metavar="SHARE",
                       help="share of its side by which a slice overlaps the next"
                            " (default: %(default)s)")  # fmt: skip
    group.add_argument("--max_det", type=whole(1, MOST_DETECTIONS), default=defaults.max_det, metavar="N",
                       help="most detections in a picture (default: %(default)s)")  # fmt: skip
    group.add_argument("--duplicate_iou", type=share, default=MaskConfig().duplicate_iou, metavar="IOU",
                       help="of objects of one class whose masks overlap by more than this, one stays; 1"
                            " keeps all (default: %(default)s)")  # fmt: skip
    names = ", ".join(field.name for field in fields(EverythingConfig))
    group.add_argument("--everything", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                       help="how SAM looks for what has no name, such as points_per_side=64 for smaller"
                            f" things; there are {names}, see docs/pictures.md")  # fmt: skip


def _slices(text: str) -> str | tuple[int, int] | None:
    """`auto`, or a width and height.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    try:
        return DetectionConfig(slices=text).slices
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def detection_config(args: argparse.Namespace) -> DetectionConfig:
    """The detector's settings out of parsed flags."""
    return DetectionConfig(
        conf=args.conf,
        iou=args.iou,
        imgsz=args.imgsz,
        max_det=args.max_det,
        classes=tuple(args.classes or ()),
        slices=args.slices,
        slice_overlap=args.slice_overlap,
    )


def mask_config(args: argparse.Namespace) -> MaskConfig:
    """What is done with masks, out of parsed flags."""
    return MaskConfig(args.duplicate_iou)
