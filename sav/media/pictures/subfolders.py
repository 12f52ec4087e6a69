"""Pictures in the subfolders of folders that somebody has named: they are left out, and told of."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from glob import escape
from itertools import islice
from pathlib import Path

from sav.wording import Names, count

# Files that are looked at; who names the root of a disk does not wait for its end.
_MOST = 100_000
# The hidden folder of results of this program, which are no pictures of anybody's.
_OURS = ".sav"


def left_out_below(folder: Path, found: Container[Path], is_picture: Callable[[str], bool]) -> str:
    """What to say of pictures in subfolders that are not among those found; empty if there are none.

    Args:
        folder: What was named.
        found: The pictures of the run.
        is_picture: Whether a file is one, by its name.
    """
    numbers, seen = Counter[str](), 0
    for place, name in islice(_files_below(folder), _MOST):
        seen += 1
        numbers[place] += is_picture(name) and Path(place, name) not in found
    number = numbers.total()
    if not number:
        return ""
    least = "at least " if seen == _MOST else ""
    places = Names(os.path.relpath(place, folder) for place in numbers if numbers[place])
    every = Path(escape(str(folder))) / "**"
    return (
        f"{least}{count(number, 'picture')} in subfolders of {folder} ({places}): name those, too, or take"
        f" all with --img_path '{every}'"
    )


def without_results(names: Iterable[str], pattern: str) -> Iterator[str]:
    """Paths without those in folders of results of this program, but where `pattern` begins in such a one."""
    first = next(number for number, part in enumerate(Path(pattern).parts) if re.search(r"[*?[]", part))
    known = {Path(*Path(pattern).parts[:first]): False}

    def is_ours(folder: Path) -> bool:
        if folder not in known:
            known[folder] = is_ours(folder.parent) or os.path.lexists(folder / _OURS)
        return known[folder]

    return (name for name in names if not is_ours(Path(name).parent))


def _files_below(folder: Path) -> Iterator[tuple[str, str]]:
    """The files in subfolders, each with its folder, but hidden ones and what is a result of ours."""
    for place, folders, names in os.walk(folder):
        is_ours = os.path.lexists(f"{place}/{_OURS}")
        folders[:] = [] if is_ours else sorted(name for name in folders if not name.startswith("."))
        if place != str(folder) and not is_ours:
            yield from ((place, name) for name in names if not name.startswith("."))
