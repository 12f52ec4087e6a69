"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lend a hidden name beside `path` to write to; it becomes `path` if the block ends well.

    The hidden name keeps the suffix, since some writers choose their format by it. If the block raises, the
    half-written file is removed and what was at `path` before stays.
    """
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
