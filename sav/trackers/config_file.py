"""Reads a tracker's parameters from a YAML file with ultralytics' keys, which may come from anywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from sav.checks import alternatives, shown
from sav.errors import SettingError
from sav.trackers.config import TRACKER_TYPES, TrackerConfig

# A tracker's file is a dozen flat lines.
_LARGEST_FILE = 2**16
_DEEPEST_NESTING = 8


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
            f"give {alternatives(TRACKER_TYPES)}, or the path of a YAML file"
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
            raise SettingError(f"key {shown(key)} comes twice")


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
        first = ", ".join(map(shown, unknown[:5]))
        raise SettingError(f"unknown key {first}; known are {', '.join(sorted(known))}")
    if "tracker_type" not in keys:
        raise SettingError(f"lacks tracker_type: {alternatives(TRACKER_TYPES)}")
    if keys.get("with_reid") is True and keys.get("model", "auto") != "auto":
        raise SettingError(f"model must be auto, the detector itself, not {shown(keys['model'])}")
    values = {key: value for key, value in keys.items() if key in known}
    if values.get("gmc_method", "") in (None, "None"):
        values["gmc_method"] = "none"
    return TrackerConfig.of_type(**values)


def _gist(error: yaml.YAMLError) -> str:
    """What PyYAML has to say, without its picture of the place."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None or problem is None:
        return " ".join(str(error).split())[:200]
    return f"{problem} in line {mark.line + 1}"
