"""The registry of annotation formats: a line each, and nothing imported until a format is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from sav.errors import SettingError

if TYPE_CHECKING:
    from sav.formats.writer import AnnotationWriter


@dataclass(frozen=True)
class Format:
    """Who writes a format, as `module:class` inside this package, and which files; `*` is a picture's name.

    Attributes:
        pictures: The writer for pictures; empty where the format has no use.
        video: The writer for video, likewise.
        common: Files that tell of everything, or of what holds for everything.
        each: Files of each picture or frame. Without any, the format tells of all pictures in common files.
        pixels: Whether the pictures themselves are in its files, not only what was found in them.
    """

    pictures: str = ""
    video: str = ""
    common: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    pixels: bool = False

    @property
    def places(self) -> set[str]:
        """The files and folders in the folder of annotations that are its own."""
        return {path.partition("/")[0] for path in (*self.common, *self.each)}


FORMATS = {
    "coco": Format("coco:CocoWriter", "coco:CocoWriter", common=("coco.json",)),
    "yolo": Format(
        "yolo:YoloWriter",
        "yolo:YoloWriter",
        common=("yolo/dataset.yaml", "yolo/classes.txt"),
        each=("yolo/images/*.jpg", "yolo/labels/*.txt"),
        pixels=True,
    ),
    "mot": Format(video="mot:MotWriter", common=("mot.txt",)),
    "mots": Format(
        video="mots:MotsWriter", common=("mots/kitti.txt", "mots/challenge.txt", "mots/classes.txt")
    ),
    "youtubevis": Format(
        video="youtubevis:YoutubeVisWriter",
        common=("youtubevis/instances.json", "youtubevis/results.json"),
    ),
    "cvat": Format("cvat:CvatImagesWriter", "cvat:CvatVideoWriter", common=("cvat.xml",)),
    "labelme": Format(
        "labelme:LabelmeWriter",
        "labelme:LabelmeWriter",
        each=("labelme/*.json", "labelme/*.jpg"),
        pixels=True,
    ),
    "png": Format(
        "png:PngWriter",
        "png:PngWriter",
        common=("png/classes.txt",),
        each=("png/instances/*.png", "png/classes/*.png", "png/davis/*.png"),
    ),
    "cutout": Format(
        "cutout:CutoutPicturesWriter",
        "cutout_video:CutoutVideoWriter",
        common=("cutout/matte.mp4", "cutout/objects.mov", "cutout/objects.webm"),
        each=("cutout/*_*.png", "cutout/matte/*.png"),
        pixels=True,
    ),
    "csv": Format("csv:CsvWriter", "csv:CsvWriter", common=("csv/objects.csv", "csv/tracks.csv")),
}
# The format of each file and folder in a folder of annotations.
PLACES = {place: name for name, found in FORMATS.items() for place in found.places}
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
        SettingError: If a name is unknown, or the format is for video alone.
    """
    known = format_names(for_video)
    for name in names:
        if name not in FORMATS and name != ALL:
            raise SettingError(f"there is no format '{name}'; there are {', '.join(known)} and {ALL}")
        if name in FORMATS and name not in known:
            raise SettingError(f"'{name}' is for video alone; pictures can be saved as {', '.join(known)}")
    return [name for name in known if name in names or ALL in names]


def writer_class(name: str, for_video: bool) -> type[AnnotationWriter]:
    """The class that writes a format."""
    found = FORMATS[name]
    module, _, class_name = (found.video if for_video else found.pictures).partition(":")
    writer: type[AnnotationWriter] = getattr(import_module(f"sav.formats.{module}"), class_name)
    return writer
