"""ultralytics' trackers behind the interface of ours, to be compared with."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sav.data.types import Detections, Image, Tracks
from sav.trackers import TrackerConfig

os.environ.setdefault("YOLO_AUTOINSTALL", "false")
os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics-"))

from ultralytics.engine.results import Boxes
from ultralytics.trackers import BOTSORT, BYTETracker

_NO_REID = {"with_reid": False, "model": "auto"}


class UltralyticsTracker:
    """ultralytics' ByteTrack or BoT-SORT with the parameters of `config`."""

    def __init__(self, config: TrackerConfig) -> None:
        kind = BOTSORT if config.tracker_type == "botsort" else BYTETracker
        self.tracker: Any = kind(SimpleNamespace(**(asdict(config) | _NO_REID)))
        self._has_camera = config.tracker_type == "botsort"

    def update(
        self, detections: Detections, image: Image | None = None, warp: NDArray[Any] | None = None
    ) -> Tracks:
        """Follow one frame; the same arguments as our trackers take."""
        if warp is not None and self._has_camera:
            image = np.zeros((1, 1, 3), np.uint8)  # its estimate is only asked for where there is an image
            self.tracker.gmc = SimpleNamespace(method="given", apply=lambda *_: warp)
        rows = self.tracker.update(as_ultralytics(detections, (1080, 1920)), image)
        if not len(rows):
            return Tracks.empty()
        return Tracks(
            rows[:, 4].astype(np.int64), rows[:, 7].astype(np.int64), rows[:, :4], rows[:, 6].astype(np.int64)
        )


def as_ultralytics(detections: Detections, size_hw: tuple[int, int]) -> Boxes:
    """Return `detections` as ultralytics hands them to its trackers."""
    columns: list[NDArray[Any]] = [
        detections.boxes_xyxy,
        detections.scores[:, None],
        detections.class_ids[:, None],
    ]
    return Boxes(np.concatenate(columns, 1).astype(np.float32), size_hw)
