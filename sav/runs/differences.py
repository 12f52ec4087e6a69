"""What keeps one run from going on with another, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sav.store import About
from sav.trackers.config import TRACKER_TYPES, TrackerConfig

# The flags that have other names than what they set.
_FLAGS = {"text_model": "text_checkpoint"}
# Between two looks, which begin with a name; between the numbers of a colour there are commas, too.
_LOOKS = re.compile(r", (?=[a-z])")


def difference(before: About, now: About, given: Mapping[str, str] | None = None) -> str:
    """The first thing that differs between an earlier run and this one, by the flag that sets it.

    Args:
        before: What the earlier run is about.
        now: What this one is about.
        given: What flags of this one were given, where that says more than what it stands for.
    """
    if before.source.content != now.source.content:
        return f"the earlier run is over another video, {before.source.path}"
    old, new = _flat(before), _flat(now)
    for flag in dict.fromkeys([*old, *new]):
        was, wanted = old.get(flag, ""), new.get(flag, "")
        if was != wanted:
            has = f"{flag} {was}" if was else f"no {flag}"
            return f"the earlier run has {has}, this one {(given or {}).get(flag) or wanted or 'none'}"
    return "the earlier run is another"


def looks_difference(before: str, now: str) -> str:
    """What differs in how two runs draw, given what each has other than usual; see `DrawConfig.changes`."""
    old, new = (_LOOKS.split(looks) for looks in (before, now))
    alone = ([look for look in looks if look not in others] for looks, others in ((old, new), (new, old)))
    was, wanted = (", ".join(filter(None, looks)) or "the usual looks" for looks in alone)
    return f"the earlier run has {was}, this one {wanted}"


def _flat(about: About) -> dict[str, str]:
    """The flags of a run, and what was given with each, in words; empty for what was not given."""
    source, flat = about.source, dict[str, Any]()
    flat |= {"start": source.start, "end": source.end, "stride": source.stride}
    for name, value in about.settings.items():
        if name == "tracker":
            flat[name] = _tracker(value)
        elif name == "words":
            flat[name] = ", ".join(value)
        elif name == "everything":
            flat[name] = [f"{key}={number}" for key, number in value.items()]
        else:
            flat |= value if isinstance(value, dict) else {_FLAGS.get(name, name): value}
    if about.video is None and "regions" in flat:
        flat["labelled_only"] = not flat.pop("regions")
    flat |= {f"{name}_checkpoint": digest[:12] for name, digest in about.checkpoints.items()}
    return {f"--{name}": _words(value) for name, value in flat.items()}


def _words(value: Any) -> str:
    """A setting as it is given; a switch is there or is not."""
    if value is None or value is False:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return "set" if value is True else str(value)


def _tracker(settings: Mapping[str, Any]) -> str:
    """A tracker by its name, and by what of it a YAML file has set."""
    kind = settings.get("tracker_type", "")
    usual = asdict(TrackerConfig.of_type(kind)) if kind in TRACKER_TYPES else {}
    own = [f"{name} {value}" for name, value in settings.items() if usual.get(name, kind) != value]
    return f"{kind} with {', '.join(own)} (of a YAML file)" if own else str(kind)
