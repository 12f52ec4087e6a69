"""What keeps one run from going on with another, in words."""

from __future__ import annotations

from sav.store import About


def difference(before: About, now: About) -> str:
    """The first thing that differs between an earlier run and this one."""
    if before.source.content != now.source.content:
        return f"the earlier run is over another video, {before.source.path}"
    old, new = _flat(before), _flat(now)
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            was = f"{name} {old[name]}" if name in old else f"no {name}"
            return f"the earlier run has {was}, this one {new.get(name, 'none')}"
    return "the earlier run is another"


def looks_difference(before: str, now: str) -> str:
    """What differs in how two runs draw, given what each has other than usual."""
    old, new = (looks or "the usual looks" for looks in (before, now))
    return f"the earlier run has {old}, this one {new}"


def _flat(about: About) -> dict[str, object]:
    """The settings of a run, a value each."""
    flat: dict[str, object] = {"start": about.source.start, "end": about.source.end}
    flat["stride"] = about.source.stride
    for name, value in about.settings.items():
        flat |= value if isinstance(value, dict) else {name: value}
    flat |= {f"{name}_checkpoint": digest[:12] for name, digest in about.checkpoints.items()}
    return flat
