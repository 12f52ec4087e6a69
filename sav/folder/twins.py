"""Videos whose names differ in their suffix alone: their annotations would have one folder."""

from __future__ import annotations

from pathlib import Path

from sav.folder.ledger import RUN, Ledger
from sav.media.save_path import SUFFIXES, annotations_folder


def other_video(path: Path) -> Path | None:
    """The video that the annotations beside the one at `path` tell of, where that is not this one.

    Of several that have written there, they are of the last; where that cannot be known, they may be of any.

    Raises:
        ResultsError: What is remembered of the annotations cannot be read.
    """
    others = [twin for twin in _twins(path) if twin.exists() and not _is_same(twin, path)]
    if not others:
        return None
    ledger = Ledger(annotations_folder(path))
    written = ledger.claim(RUN).files
    others = [twin for twin in others if ledger.relative(twin) in written]
    is_known = ledger.relative(path) in written
    ledger.rest()
    if not others or (is_known and not path.exists()):
        return None
    last = max(others, key=_time)
    return None if is_known and _time(path) >= _time(last) else last


def _twins(path: Path) -> list[Path]:
    suffixes = [spelled for suffix in SUFFIXES for spelled in (suffix, suffix.upper())]
    return [path.with_suffix(suffix) for suffix in suffixes if suffix != path.suffix]


def _is_same(twin: Path, path: Path) -> bool:
    """Whether both are one file, as where capitals make no difference."""
    return path.exists() and twin.samefile(path)


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns
