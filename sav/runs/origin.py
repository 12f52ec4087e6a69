"""Which models a run was made with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sav.segmenter import Origin

# Bytes that are read at once.
_CHUNK = 1 << 24


def checkpoint_hashes(origin: Origin | None) -> dict[str, str]:
    """Each file's SHA-256 in hexadecimal, a folder's of what is in it; none for a caller's own models."""
    return {what: _sha256(path) for what, path in origin.files.items()} if origin else {}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    if path.is_dir():
        for inside in sorted(path.iterdir()):
            digest.update(
                f"{inside.name}\0{_sha256(inside) if inside.is_file() else ''}\0".encode(errors="replace")
            )
        return digest.hexdigest()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
