"""The ledger as earlier versions of this program wrote it: a JSON file for each thing that results are of."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from sav.errors import ResultsError
from sav.files import named_errors
from sav.folder.claims import RUN, Claim

_log = logging.getLogger(__name__)


def older_files(state: Path) -> list[Path]:
    """The JSON files in the hidden folder of some results: `run.json`, and `pictures/NAME.json`.

    Raises:
        ResultsError: They cannot be looked for.
    """
    folder, run = state / "pictures", state / "run.json"
    try:
        of_pictures = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except (FileNotFoundError, NotADirectoryError):
        of_pictures = []
    except OSError as error:
        raise _unreadable(folder, error) from error
    return [*([run] if run.exists() else []), *of_pictures]


def older_claims(state: Path) -> Iterator[tuple[str, Claim, int]]:
    """What they say: the keys, the claims, and when they were written, in nanoseconds.

    Raises:
        ResultsError: One cannot be read.
    """
    for path in older_files(state):
        try:
            claim, time = _read(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(path, error) from error
        except (ValueError, RecursionError):
            _tell_damaged(path, path.stat().st_mtime_ns)
            continue
        yield (RUN if path.parent == state else path.stem), claim, time


def put_away(files: Iterable[Path]) -> None:
    """Remove what was brought over; what is damaged is kept under another name, for who can mend it.

    Raises:
        WriteError: A file cannot be removed.
    """
    for path in files:
        with named_errors(path), contextlib.suppress(FileNotFoundError):  # another process did it
            try:
                _read(path)
            except (ValueError, RecursionError):
                path.replace(path.with_name(f"{path.name}.damaged"))
            else:
                path.unlink()


@lru_cache(maxsize=1000)
def _tell_damaged(path: Path, written: int) -> None:
    """Say of what was written at that time that it is, once, however often it is read."""
    _log.warning("%s is damaged; the files that it tells of count as yours", path)


def _read(path: Path) -> tuple[Claim, int]:
    """The claim of a file, and when it was written.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no claim.
    """
    with path.open("rb") as file:
        claim = _parsed(json.load(file))
        path.stem.encode()
        return claim, os.fstat(file.fileno()).st_mtime_ns


def _unreadable(path: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"cannot read {path}, which says which files are ours: {error.strerror}; make it readable, or move it"
        " away (the files that it tells of then count as yours)"
    )


def _parsed(table: Any) -> Claim:
    """A claim out of JSON that anybody may have written.

    Raises:
        ValueError: It is no claim.
    """
    try:
        files = {_text(path): tuple(map(_text, prints)) for path, prints in table["files"].items()}
        return Claim(files, {_text(name): _text(value) for name, value in table["about"].items()})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a claim") from error


def _text(value: Any) -> str:
    os.fsencode(str(value))  # raises where it can be no file's name
    return str(value)
