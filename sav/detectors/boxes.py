"""Boxes out of a file in the place of a detector's, for those who have their own."""

from __future__ import annotations

import copy
import logging
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sav.config import PICTURE_DETECTION, DetectionConfig
from sav.data.types import Detections, Frame, Image
from sav.detectors.box_files import read_boxes
from sav.detectors.names import resolve_classes
from sav.errors import BoxesError, SettingError

_log = logging.getLogger(__name__)

# Characters of names that a message lists.
_MOST_SHOWN = 200
# What frames of a video are called: its name and their number from 0.
_FRAME_NAME = re.compile(r"(.*)_(\d{6,})")


class BoxFile:
    """Gives each picture or frame the boxes that a file has for it; one that it does not tell of has none.

    Of a `DetectionConfig` it makes use of `conf`, `classes` and `max_det`.

    Attributes:
        path: The file or folder.
    """

    def __init__(self, path: str | Path, config: DetectionConfig = PICTURE_DETECTION) -> None:
        """Read the boxes.

        Args:
            path: COCO's JSON (results, or a data set), MOTChallenge text, or a folder of YOLO labels. COCO
                and YOLO know pictures by their names, MOTChallenge, and COCO's results with numbers for
                pictures, by the frames' numbers from 1, or the last number in a picture's name.
            config: What is kept.

        Raises:
            OSError: There is no such file or folder.
            BoxesError: It is in none of these forms.
            SettingError: There is no class that `config` names.
        """
        self.path, self._table = Path(path), read_boxes(Path(path))
        self._of_frames = {_plain(name): found for name, found in self._table.by_name.items()}
        self._set(config)

    @property
    def categories(self) -> Mapping[int, str]:
        """Every class that the file knows, id to name."""
        return MappingProxyType(dict(self._table.categories))

    def with_config(self, config: DetectionConfig) -> BoxFile:
        """The same boxes with other settings.

        Raises:
            SettingError: There is no class that `config` names.
        """
        other = copy.copy(self)
        other._set(config)
        return other

    def _set(self, config: DetectionConfig) -> None:
        if config.slices is not None:
            raise SettingError("boxes come out of a file as they are: leave out the slices")
        self._config = config.over(PICTURE_DETECTION)
        self._class_ids = resolve_classes(config.classes, self.categories)

    def __call__(self, images_bgr: Sequence[Image]) -> list[Detections]:
        """A detector is called so; a file must be told which frames they are: `in_frames`.

        Raises:
            TypeError: Always.
        """
        raise TypeError("boxes of a file belong to frames: call in_frames with them")

    def in_frames(self, frames: Sequence[Frame]) -> list[Detections]:
        """The boxes of each frame, the surest first."""
        return [self._kept(self._all(frame), frame) for frame in frames]

    def check_pictures(self, names: Iterable[str]) -> None:
        """Raise BoxesError if pictures are known by their names, and none of these is one of them."""
        if self._table.by_name and not self._table.by_number:
            names = iter(names)
            first = next(names)
            self._check(any(self._named(name) is not None for name in chain([first], names)), first)

    def check_video(self, name: str) -> None:
        """Raise BoxesError if frames are known by their names, and none is of the video of this name."""
        if self._table.by_name and not self._table.by_number:
            start = f"{_plain(Path(name).stem)}_"
            self._check(any(known.startswith(start) for known in self._of_frames), name)

    def _check(self, is_known: bool, name: str) -> None:
        if not is_known:
            known = textwrap.shorten(", ".join(self._table.by_name), _MOST_SHOWN, placeholder=" ...")
            raise BoxesError(f"{self.path} has no boxes for {name}: it tells of {known}")

    def _all(self, frame: Frame) -> Detections:
        found = self._named(frame.name)
        return self._table.by_number.get(_number(frame), Detections.empty()) if found is None else found

    def _named(self, name: str) -> Detections | None:
        """What is known under one of the names that files may give a picture or frame."""
        path, is_frame = Path(name), _FRAME_NAME.fullmatch(name)
        if is_frame:  # ours, and ultralytics'
            table: Mapping[str, Detections] = self._of_frames
            names = (name, f"{is_frame[1]}_{int(is_frame[2]) + 1}")
        else:  # the second where two pictures differ in the suffix alone
            table = self._table.by_name
            names = (path.stem, f"{path.stem}_{path.suffix[1:]}")
        return next((table[known] for known in names if known in table), None)

    def _kept(self, found: Detections, frame: Frame) -> Detections:
        """Those that are wanted and have a pixel in the picture, in pixels; how many have none is logged."""
        size = np.array(frame.size_hw[::-1] * 2, np.float32)
        given = found.boxes_xyxy * (size if self._table.are_shares else 1)
        boxes = np.clip(given, 0, size)
        is_wanted = found.scores >= (self._config.conf or 0)
        if self._class_ids is not None:
            is_wanted &= np.isin(found.class_ids, self._class_ids)

        is_empty = is_wanted & (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
        if is_empty.any():
            name, one = frame.name or f"frame {frame.index}", given[is_empty][0].round(1).tolist()
            _log.warning("%s: %d boxes without a pixel in it left out: %s", name, is_empty.sum(), one)
            is_wanted &= ~is_empty
        return Detections(boxes, found.scores, found.class_ids)[is_wanted][: self._config.max_det]


def _plain(name: str) -> str:
    """A name as our readers put it before a frame's number."""
    return re.sub(r"\W+", "_", name)


def _number(frame: Frame) -> int:
    """A frame's number from 1; of a picture the last number in its name."""
    if is_frame := _FRAME_NAME.fullmatch(frame.name):
        return int(is_frame[2]) + 1
    digits = re.findall(r"\d+", Path(frame.name).stem)
    return int(digits[-1]) if digits else frame.index + 1
