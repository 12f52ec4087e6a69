"""A tracker's parameters: their defaults, and what each may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sav.checks import check_choice, check_number, check_whole, shown
from sav.errors import SettingError

TRACKER_TYPES = ("botsort", "bytetrack", "sav")
CAMERA_MOTION_METHODS = ("sparseOptFlow", "none")
# What a tracker of a type has in place of the defaults of all.
_OWN_DEFAULTS: dict[str, dict[str, Any]] = {
    "sav": {"track_high_thresh": 0.5, "new_track_thresh": 0.5, "confirm_score": 1.3, "with_reid": True}
}

_SHARES = (
    "track_high_thresh",
    "track_low_thresh",
    "new_track_thresh",
    "match_thresh",
    "proximity_thresh",
    "appearance_thresh",
)
# More frames than anybody waits to see a track.
_MOST_EVIDENCE = 1000
# More frames than any video has.
_LONGEST_BUFFER = 10_000_000


@dataclass(frozen=True)
class TrackerConfig:
    """Parameters of the trackers, named and set as in the YAML files of ultralytics 8.4.

    Some have other defaults for `sav`: detections from 0.5 are strong, which real objects of ultralytics'
    detectors nearly always reach and false ones seldom, and looks are matched.

    Attributes:
        tracker_type: `botsort`, `bytetrack` or `sav`.
        track_high_thresh: Detections of at least this score take part in the first association.
        track_low_thresh: Detections between this score and `track_high_thresh` take part in the second.
        new_track_thresh: A detection left over starts a track from this score on.
        track_buffer: How long a lost track is remembered for, in thirtieths of a second: as many frames in a
            video of 30 frames per second.
        match_thresh: Dearest pair, 0 to 1, that the first association makes.
        fuse_score: Whether a detection's score weighs its overlap in the first association.
        gmc_method: `sparseOptFlow` or `none`: whether the motion of the camera is estimated, by all but
            ByteTrack.
        confirm_score: `sav` shows a track when the scores of its detections add up to this, which takes two
            sure ones, or more that are less sure.
        with_reid: Whether objects are known again by their looks, the detector's own features, by all but
            ByteTrack.
        proximity_thresh: Least overlap, 0 to 1, of a track and a detection whose looks are compared.
        appearance_thresh: Likeness, 0 to 1, from which two are taken for one object.
        with_masks: Whether `sav` compares masks where boxes overlap, for which SAM is asked before it is
            known who is who: `auto` where more than one pair of a track and a detection is possible, true for
            all that the detector saw.

    Raises:
        SettingError: If a value is of the wrong type or out of its range.
    """

    tracker_type: str = "botsort"
    track_high_thresh: float = 0.25
    track_low_thresh: float = 0.1
    new_track_thresh: float = 0.25
    track_buffer: int = 30
    match_thresh: float = 0.8
    fuse_score: bool = True
    gmc_method: str = "sparseOptFlow"
    confirm_score: float = 0.0
    with_reid: bool = False
    proximity_thresh: float = 0.5
    appearance_thresh: float = 0.8
    with_masks: bool | str = False

    @classmethod
    def of_type(cls, tracker_type: str, **values: Any) -> TrackerConfig:
        """The defaults of a type of tracker, with the `values` that are given.

        Raises:
            SettingError: If a value is wrong.
        """
        check_choice("tracker_type", tracker_type, TRACKER_TYPES)
        return cls(tracker_type, **(_OWN_DEFAULTS.get(tracker_type, {}) | values))

    def __post_init__(self) -> None:
        check_choice("tracker_type", self.tracker_type, TRACKER_TYPES)
        check_choice("gmc_method", self.gmc_method, CAMERA_MOTION_METHODS)
        for name in _SHARES:
            check_number(name, getattr(self, name))
        check_number("confirm_score", self.confirm_score, most=_MOST_EVIDENCE)
        check_whole("track_buffer", self.track_buffer, 0, _LONGEST_BUFFER)
        low, high = self.track_low_thresh, self.track_high_thresh
        if low > high:
            raise SettingError(f"track_low_thresh ({low}) must not be above track_high_thresh ({high})")
        self._check_cues()

    def _check_cues(self) -> None:
        """Raise SettingError if what is compared beside overlap makes no sense."""
        for name in ("fuse_score", "with_reid"):
            if not isinstance(getattr(self, name), bool):
                raise SettingError(f"{name} must be true or false, not {shown(getattr(self, name))}")
        if self.with_reid and self.tracker_type == "bytetrack":
            raise SettingError("bytetrack knows no looks: set with_reid to false, or take botsort or sav")
        if not isinstance(self.with_masks, bool) and self.with_masks != "auto":
            raise SettingError(f"with_masks must be true, false or auto, not {shown(self.with_masks)}")
        if self.with_masks and self.tracker_type != "sav":
            raise SettingError(f"{self.tracker_type} compares no masks: set with_masks to false, or take sav")
