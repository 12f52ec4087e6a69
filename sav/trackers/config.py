"""A tracker's parameters: their defaults, and how they are read from a YAML file with ultralytics' keys."""

from __future__ import annotations

import reprlib
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

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
# A tracker's file is a dozen flat lines.
_LARGEST_FILE = 2**16
_DEEPEST_NESTING = 8


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
        _check_choice("tracker_type", tracker_type, TRACKER_TYPES)
        return cls(tracker_type, **(_OWN_DEFAULTS.get(tracker_type, {}) | values))

    def __post_init__(self) -> None:
        _check_choice("tracker_type", self.tracker_type, TRACKER_TYPES)
        _check_choice("gmc_method", self.gmc_method, CAMERA_MOTION_METHODS)
        for name in _SHARES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise SettingError(f"{name} must be a number from 0 to 1, not {_shown(value)}")
        low, high, frames = self.track_low_thresh, self.track_high_thresh, self.track_buffer
        if low > high:
            raise SettingError(f"track_low_thresh ({low}) must not be above track_high_thresh ({high})")
        is_whole = isinstance(frames, int) and not isinstance(frames, bool)
        if not is_whole or not 0 <= frames <= _LONGEST_BUFFER:
            raise SettingError(
                f"track_buffer must be a whole number of frames, 0 to {_LONGEST_BUFFER}, not {_shown(frames)}"
            )
        self._check_cues()
        evidence = self.confirm_score
        is_number = isinstance(evidence, int | float) and not isinstance(evidence, bool)
        if not is_number or not 0 <= evidence <= _MOST_EVIDENCE:
            raise SettingError(
                f"confirm_score must be a number from 0 to {_MOST_EVIDENCE}, not {_shown(evidence)}"
            )

    def _check_cues(self) -> None:
        """Raise SettingError if what is compared beside overlap makes no sense."""
        for name in ("fuse_score", "with_reid"):
            if not isinstance(getattr(self, name), bool):
                raise SettingError(f"{name} must be true or false, not {_shown(getattr(self, name))}")
        if self.with_reid and self.tracker_type == "bytetrack":
            raise SettingError("bytetrack knows no looks: set with_reid to false, or take botsort or sav")
        if not isinstance(self.with_masks, bool) and self.with_masks != "auto":
            raise SettingError(f"with_masks must be true, false or auto, not {_shown(self.with_masks)}")
        if self.with_masks and self.tracker_type != "sav":
            raise SettingError(f"{self.tracker_type} compares no masks: set with_masks to false, or take sav")


def load_config(name_or_yaml: str) -> TrackerConfig:
    """Return the parameters that a tracker's name or the path of a YAML file stands for.

    Args:
        name_or_yaml: `botsort`, `bytetrack`, `sav`, or the path of a YAML file with ultralytics' tracker
            keys; keys that it leaves out keep their defaults.

    Raises:
        FileNotFoundError: If it is neither a known name nor a file.
        IsADirectoryError: If it is a folder.
        SettingError: If the file is not YAML, or has an unknown key, a wrong value, or asks for another
            network to compare looks with.
    """
    if name_or_yaml in TRACKER_TYPES:
        return TrackerConfig.of_type(name_or_yaml)
    path = Path(name_or_yaml)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name the tracker's YAML file in it")
    if not path.is_file():
        raise FileNotFoundError(
            f"no tracker or file called {name_or_yaml!r}: "
            f"give {_listed(TRACKER_TYPES)}, or the path of a YAML file"
        )
    try:
        return _from_keys(_read_yaml(path))
    except ValueError as error:
        raise SettingError(f"{path}: {error}") from error


def _read_yaml(path: Path) -> dict[Any, Any]:
    """The keys and values of a file from anywhere, in bounded time and memory.

    Raises:
        SettingError: If it is no flat YAML.
    """
    with path.open("rb") as file:
        text = file.read(_LARGEST_FILE + 1)
    if len(text) > _LARGEST_FILE:
        raise SettingError("is too large for a tracker's settings")
    try:
        _check_structure(text)
        content = _build(text)
    except yaml.YAMLError as error:
        raise SettingError(f"is not YAML: {_gist(error)}") from error
    if not isinstance(content, dict):
        raise SettingError("holds no tracker: write lines such as 'tracker_type: botsort'")
    return content


def _check_structure(text: bytes) -> None:
    """Look at the parser's events, which cost no more than the text is long, before anything is built.

    Raises:
        SettingError: If there are aliases, deep nesting, or a key twice.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise SettingError("has aliases (*), which a tracker's settings do without")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_NESTING:
            raise SettingError(f"is nested more than {_DEEPEST_NESTING} deep")

    node = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    counts = Counter(key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode))
    for key, count in counts.items():
        if count > 1:
            raise SettingError(f"key {_shown(key)} comes twice")


def _build(text: bytes) -> Any:
    """What the text stands for.

    Raises:
        yaml.YAMLError: If it is not YAML.
        SettingError: If a value is not of its tag's kind, for which PyYAML has no error of its own.
    """
    try:
        return yaml.safe_load(text)
    except (KeyError, AttributeError, OverflowError, ValueError) as error:
        raise SettingError("holds a number, date or tag that makes no sense") from error


def _from_keys(keys: dict[Any, Any]) -> TrackerConfig:
    known = {field.name for field in fields(TrackerConfig)}
    unknown = [key for key in keys if key not in known and key != "model"]
    if unknown:
        shown = ", ".join(map(_shown, unknown[:5]))
        raise SettingError(f"unknown key {shown}; known are {', '.join(sorted(known))}")
    if "tracker_type" not in keys:
        raise SettingError(f"lacks tracker_type: {_listed(TRACKER_TYPES)}")
    if keys.get("with_reid") is True and keys.get("model", "auto") != "auto":
        raise SettingError(f"model must be auto, the detector itself, not {_shown(keys['model'])}")
    values = {key: value for key, value in keys.items() if key in known}
    if values.get("gmc_method", "") in (None, "None"):
        values["gmc_method"] = "none"
    return TrackerConfig.of_type(**values)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingError(f"{name} must be {_listed(choices)}, not {_shown(value)}")


def _listed(choices: tuple[str, ...]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _gist(error: yaml.YAMLError) -> str:
    """What PyYAML has to say, without its picture of the place."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())[:200]
    return f"{problem} in line {mark.line + 1}"


def _shown(value: Any) -> str:
    """A value in a message: its beginning, however large it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python writes no decimal number of more than 4300 digits
        return "a number of thousands of digits"
