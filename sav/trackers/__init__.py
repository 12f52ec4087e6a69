"""Trackers: which detection is the object that was seen a moment ago. ByteTrack, BoT-SORT, ours; on numpy."""

from __future__ import annotations

from importlib import import_module
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from sav.errors import SettingError
from sav.trackers.config import TrackerConfig
from sav.trackers.config_file import load_config

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sav.data.types import Detections, Image, Tracks
    from sav.trackers.botsort import BoTSORT
    from sav.trackers.bytetrack import ByteTrack
    from sav.trackers.cues import Ask
    from sav.trackers.savtracker import SavTracker

__all__ = [
    "AskingTracker",
    "BoTSORT",
    "ByteTrack",
    "SavTracker",
    "Tracker",
    "TrackerConfig",
    "compares_masks",
    "load_config",
    "make_tracker",
    "wants_looks",
]

# The classes, by the names of their types.
_CLASSES = {"botsort": "BoTSORT", "bytetrack": "ByteTrack", "sav": "SavTracker"}


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


class AskingTracker(Protocol):
    """A tracker that compares masks, and asks for those of the detections where it wants them."""

    @property
    def wants_masks(self) -> bool:
        """Whether it does, with the settings that it has."""

    def update(
        self,
        detections: Detections,
        image: Image | None = None,
        warp: NDArray[Any] | None = None,
        ask: Ask | None = None,
    ) -> Tracks:
        """Advance by one frame; see `Tracker`.

        Args:
            detections: What the detector saw, weak detections included.
            image: As for a `Tracker`.
            warp: As for a `Tracker`.
            ask: Gives the detections with the masks of those in some rows, see `Detections.shapes`; called
                once at most. Without it, what is known of masks is what `detections` tell.
        """


def compares_masks(tracker: Tracker | AskingTracker | None) -> TypeGuard[AskingTracker]:
    """Whether SAM is to be asked while a tracker is at work."""
    return bool(getattr(tracker, "wants_masks", False))


def wants_looks(tracker: Tracker) -> bool:
    """Whether detections should come with what the objects look like, see `Detections.looks`."""
    return bool(getattr(tracker, "wants_looks", False))


def make_tracker(name_or_yaml: str, *, frame_rate: float) -> Tracker:
    """Return a new tracker, whose ids begin at 1.

    Args:
        name_or_yaml: `botsort`, `bytetrack`, `sav`, or the path of a YAML file with ultralytics' tracker
            keys.
        frame_rate: Frames per second that the tracker will see. Lost tracks are remembered for as long a time
            as `track_buffer` frames take at 30.

    Raises:
        FileNotFoundError: If `name_or_yaml` is neither a tracker nor a file.
        SettingError: If the YAML file does not describe a tracker that is built here, or `frame_rate` is not
            a positive number.
    """
    if not 0 < frame_rate < inf:
        raise SettingError(f"frame_rate must be a positive number, not {frame_rate}")
    config = load_config(name_or_yaml)

    tracker: Tracker = __getattr__(_CLASSES[config.tracker_type])(config, frame_rate=frame_rate)
    return tracker


def __getattr__(name: str) -> Any:
    """The trackers themselves, imported when they are first used: a command line is checked without them."""
    if name not in _CLASSES.values():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"sav.trackers.{name.lower()}"), name)
