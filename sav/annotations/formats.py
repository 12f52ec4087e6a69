"""The registry of annotation formats: a line each, and nothing imported until a format is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sav.annotations.writer import AnnotationWriter


@dataclass(frozen=True)
class Format:
    """Who writes a format, as `module:class` inside this package; empty where the format has no use.

    Attributes:
        pictures: The writer for pictures.
        video: The writer for video.
    """

    pictures: str = ""
    video: str = ""


FORMATS = {
    "coco": Format("coco:CocoWriter", "coco:CocoWriter"),
    "yolo": Format("yolo:YoloWriter", "yolo:YoloWriter"),
    "mot": Format(video="mot:MotWriter"),
    "mots": Format(video="mots:MotsWriter"),
    "youtubevis": Format(video="youtubevis:YoutubeVisWriter"),
    "cvat": Format("cvat:CvatImagesWriter", "cvat:CvatVideoWriter"),
    "labelme": Format("labelme:LabelmeWriter", "labelme:LabelmeWriter"),
    "png": Format("png:PngWriter", "png:PngWriter"),
    "cutout": Format("cutout:CutoutPicturesWriter", "cutout_video:CutoutVideoWriter"),
    "csv": Format("csv:CsvWriter", "csv:CsvWriter"),
}
PICTURE_FORMATS = ("coco",)
VIDEO_FORMATS = ("mot", "coco")
# Stands for every format that pictures, or video, can be saved in.
ALL = "all"


def format_names(for_video: bool) -> list[str]:
    """The formats that video, or else pictures, can be saved in."""
    return [name for name, found in FORMATS.items() if (found.video if for_video else found.pictures)]


def resolve_formats(names: Sequence[str], for_video: bool) -> list[str]:
    """Check what a user asks for; each format once, in the registry's order.

    Raises:
        ValueError: If a name is unknown, or the format is for video alone.
    """
    known = format_names(for_video)
    for name in names:
        if name not in FORMATS and name != ALL:
            raise ValueError(f"there is no format '{name}'; there are {', '.join(known)} and {ALL}")
        if name in FORMATS and name not in known:
            raise ValueError(f"'{name}' is for video alone; pictures can be saved as {', '.join(known)}")
    return [name for name in known if name in names or ALL in names]


def writer_class(name: str, for_video: bool) -> type[AnnotationWriter]:
    """The class that writes a format."""
    found = FORMATS[name]
    module, _, class_name = (found.video if for_video else found.pictures).partition(":")
    writer: type[AnnotationWriter] = getattr(import_module(f"sav.annotations.{module}"), class_name)
    return writer
