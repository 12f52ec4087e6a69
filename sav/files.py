"""Files that appear under their name whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
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


@contextlib.contextmanager
def staging_folder(beside: Path) -> Iterator[Path]:
    """Lend a hidden folder beside `beside` for files that are not to be seen yet; it goes with the block."""
    staging = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def publish(staging: Path, folder: Path) -> None:
    """Move all that is in `staging` to `folder`, in place of what has the same name there.

    A folder in the way is moved into `staging` first, to be removed with it: no name is gone for longer than
    it takes to rename.
    """
    folder.mkdir(exist_ok=True)
    for item in sorted(staging.iterdir()):
        target = folder / item.name
        if target.is_dir() or (item.is_dir() and target.exists()):
            target.replace(staging / f".old-{item.name}")
        item.replace(target)
