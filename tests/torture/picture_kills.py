"""seg.py killed and interrupted at random: nothing half, nothing lost, and a rerun gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import cv2

from sav.commands import seg
from tests.stubs import picture
from tests.torture.disturbed import Script
from tests.torture.kills import CHECKPOINTS

_PICTURES = 4
_FORMATS = ["coco", "yolo", "labelme", "csv", "png", "cutout", "cvat"]


def prepare() -> None:
    """Nothing is made beforehand: the first trial makes what an undisturbed run gives."""


def _make_pictures(folder: Path) -> None:
    (folder / "in").mkdir()
    for number in range(_PICTURES):
        cv2.imwrite(str(folder / "in" / f"{number}.png"), picture(number))


def _arguments(folder: Path, count: int = _PICTURES) -> list[str]:
    """The command line for the first `count` pictures."""
    chosen = [str(folder / "in" / f"{number}.png") for number in range(count)]
    source = [str(folder / "in")] if count == _PICTURES else chosen
    flags = ["--save_dir", str(folder / "out"), "--labelled_only", "--save", *_FORMATS]
    return ["--img_path", *source, *flags, *CHECKPOINTS]


trial = Script(
    seg.main,
    _make_pictures,
    _arguments,
    earlier_arguments=lambda random, folder: _arguments(folder, int(random.integers(1, _PICTURES + 1))),
    has_saved=bool,
)
