"""track.py killed and interrupted at random: nothing half, nothing lost, and a rerun gives the same bytes."""

from __future__ import annotations

from pathlib import Path

from sav.commands import track
from tests.media.videos import make_video
from tests.torture.disturbed import Script
from tests.torture.kills import CHECKPOINTS

_FORMATS = ["mot", "coco", "yolo", "labelme", "csv", "png", "cutout", "mots", "youtubevis", "cvat"]


def prepare() -> None:
    """Nothing is made beforehand: the first trial makes what an undisturbed run gives."""


def _make_video(folder: Path) -> None:
    make_video(folder, "source.mp4", count=16, size_hw=(60, 80), audio="aac")
    (folder / "out").mkdir()


def _arguments(folder: Path) -> list[str]:
    paths = ["--video_path", str(folder / "source.mp4"), "--save_path", str(folder / "out" / "out.mp4")]
    return [*paths, "--save", *_FORMATS, *CHECKPOINTS]


trial = Script(
    track.main,
    _make_video,
    _arguments,
    earlier_arguments=lambda random, folder: _arguments(folder),
    has_saved=lambda files: "out.interrupted.mp4" in files,
)
