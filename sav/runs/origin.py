"""Which models a run was made with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sav.checkpoints import sha256_of
from sav.segmenter import Origin


def checkpoint_hashes(origin: Origin | None) -> dict[str, str]:
    """Each file's SHA-256 in hexadecimal, a folder's of what is in it; none for a caller's own models."""
    return {what: _sha256(path) for what, path in origin.files.items()} if origin else {}


def _sha256(path: Path) -> str:
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for inside in sorted(path.iterdir()):
        content = sha256_of(inside) if inside.is_file() else ""
        digest.update(f"{inside.name}\0{content}\0".encode(errors="replace"))
    return digest.hexdigest()
