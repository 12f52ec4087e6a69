"""What is remembered of files that this program wrote, and what stands for a file's content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The key of what tells of everything.
RUN = ""
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Claim:
    """The files that tell of one thing.

    Attributes:
        files: Each file's path from the output folder, and the fingerprints that it may have to be ours: the
            one that it was given last, and the one before if a kill could have left that.
        about: What they tell of, and what else is to be remembered of it: by name, see `ledger_file.ABOUT`.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


def fingerprint(path: Path) -> str:
    """A file's size and what stands for its content."""
    digest = hashlib.blake2b(digest_size=16)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return f"{size}-{digest.hexdigest()}"


def fingerprints(folder: Path) -> dict[str, str]:
    """Those of all files in a folder, by their paths from there, in order."""
    found = [Path(place) / name for place, _, names in os.walk(folder) for name in names]
    return {path.relative_to(folder).as_posix(): fingerprint(path) for path in sorted(found)}
