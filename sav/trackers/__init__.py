"""Trackers: which detection is the object that was seen a moment ago. ByteTrack and BoT-SORT, on numpy."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import NDArray

from sav.trackers.botsort import BoTSORT
from sav.trackers.bytetrack import ByteTrack
from sav.trackers.config import TrackerConfig, load_config
from sav.types import Detections, Image, Tracks

__all__ = ["BoTSORT", "ByteTrack", "Tracker", "TrackerConfig", "load_config", "make_tracker"]


class Tracker(Protocol):
    """What follows objects through one video, a frame at a time; all state belongs to the object."""

    def update(
        self, detections: Detections, image: Image | None = None, warp: NDArray[Any] | None = None
    ) -> Tracks:
        """Advance by one frame.

        Args:
            detections: What the detector saw, weak detections included.
            image: `(H, W, 3)` uint8, BGR: looked at for the camera's motion alone.
            warp: `(2, 3)`, the camera's motion where it is known, from pixels of the frame before to pixels
                of this one. Takes the place of the estimate.

        Returns:
            The confirmed tracks that detections of this frame were matched to.
        """


def make_tracker(name_or_yaml: str, *, frame_rate: float) -> Tracker:
    """Return a new tracker, whose ids begin at 1.

    Args:
        name_or_yaml: `botsort`, `bytetrack`, or the path of a YAML file with ultralytics' tracker keys.
        frame_rate: Frames per second that the tracker will see.

    Raises:
        FileNotFoundError: If `name_or_yaml` is neither a tracker nor a file.
        ValueError: If the YAML file does not describe a tracker that is built here.
    """
    config = load_config(name_or_yaml)
    return (BoTSORT if config.tracker_type == "botsort" else ByteTrack)(config)
