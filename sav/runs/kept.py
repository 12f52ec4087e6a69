"""What is said of files that are the user's: they are kept, and the rest of a run's work is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sav.folder.guarded import GuardedFolder, Reason
from sav.wording import Names


def kept_lines(paths: Iterable[Path], output: GuardedFolder) -> list[str]:
    """What is to be said of files that are in the way and stay: a line for each reason.

    Args:
        paths: They.
        output: The folder that they are in.
    """
    reasons: dict[Reason, Names] = {}
    for path in paths:
        reasons.setdefault(output.why_kept(path), Names()).add(path)
    return [_line(reason, names) for reason, names in reasons.items()]


def _line(reason: Reason, names: Names) -> str:
    if len(names) == 1:
        way_out = " (--overwrite replaces it)" if reason.gives_way else ""
        return f"{names} {reason.one}: it is kept, and the new result is left out{way_out}"
    way_out = " (--overwrite replaces them)" if reason.gives_way else ""
    return (
        f"{len(names)} files {reason.many}: they are kept, and the new results are left out{way_out}: {names}"
    )
