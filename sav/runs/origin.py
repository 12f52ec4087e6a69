"""Which models a run was made with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sav.segmenter import Origin

# Bytes that are read at once.
_CHUNK = 1 << 24


def checkpoint_hashes(origin: Origin | None) -> dict[str, str]:
    """Each checkpoint's SHA-256 in hexadecimal; none for models that do not come from files."""
    if origin is None:
        return {}
    return {"yolo": _sha256(origin.yolo_file), "sam": _sha256(origin.sam_file)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
