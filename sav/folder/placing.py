"""Giving finished files their names in a folder of results: in one step each, or a whole folder at once."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from os import replace as rename
from pathlib import Path

from sav.files import exchange, move, named_errors


def place_files(staging: Path, folder: Path, relatives: Iterable[str]) -> set[Path]:
    """Move files one after the other; returns the folders where names changed.

    Raises:
        WriteError: One cannot be moved; those before it are in place.
    """
    touched = set()
    for relative in sorted(relatives, key=lambda path: [*map(_order, path.split("/"))]):
        source, target = f"{staging}/{relative}", f"{folder}/{relative}"  # of a million files each path costs
        try:
            rename(source, target)  # noqa: PTH105
        except OSError as error:
            with named_errors(Path(target)):
                if error.errno not in (errno.ENOENT, errno.EXDEV):
                    raise
                Path(target).parent.mkdir(parents=True, exist_ok=True)
                move(Path(source), Path(target))
        touched.add(target.rpartition("/")[0])
    return set(map(Path, touched))


def clear(staging: Path, relatives: Iterable[str]) -> None:
    """Remove a folder that some files were moved out of: quickly, if that is all that was in it."""
    inner = {parent for relative in relatives for parent in _parents(relative)}
    try:
        for folder in sorted(inner, reverse=True):
            os.rmdir(f"{staging}/{folder}")  # noqa: PTH106
        staging.rmdir()
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)


def place_tree(staging: Path, folder: Path, replaceable: set[str]) -> set[Path]:
    """Move all that is in a folder; a folder in it at once, if all that is in its place may go.

    Args:
        staging: Where it is.
        folder: Where it goes.
        replaceable: What of that may be replaced, or may go, by paths from there.

    Returns:
        The folders where names changed.

    Raises:
        WriteError: Something cannot be moved.
    """
    return _Tree(folder, replaceable).place(staging, folder)


class _Tree:
    """Places folders within folders."""

    def __init__(self, folder: Path, replaceable: set[str]) -> None:
        self._folder, self._replaceable = folder, replaceable

    def place(self, source: Path, target: Path) -> set[Path]:
        """Move a file or folder; returns where names changed."""
        if not source.is_dir():
            with named_errors(target):
                move(source, target)
            return {target.parent}
        if target != self._folder and self._place_at_once(source, target):
            return {target.parent}
        touched = set()
        for item in sorted(source.iterdir(), key=lambda item: _order(item.name)):
            touched |= self.place(item, target / item.name)
        return touched

    def _place_at_once(self, source: Path, target: Path) -> bool:
        if target.is_dir() and not target.is_symlink():
            inside = f"{target.relative_to(self._folder).as_posix()}/"
            known = (self._folder / path for path in self._replaceable if path.startswith(inside))
            if not any(map(os.path.lexists, known)):
                return False  # whatever is in there is to stay
            is_free = all(
                path.relative_to(self._folder).as_posix() in self._replaceable for path in _standing(target)
            )
            return is_free and exchange(source, target)
        if target.is_dir():
            return False
        with named_errors(target):
            try:
                source.rename(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                target.mkdir()
                return False
        return True


def _parents(relative: str) -> Iterator[str]:
    while relative := relative.rpartition("/")[0]:
        yield relative


def _order(name: str) -> tuple[bool, str]:
    """A data set's labels come before its pictures: one without labels would count as empty."""
    return name == "images", name


def _standing(folder: Path) -> Iterator[Path]:
    """What is no folder in a folder and those in it; nobody looks further than is asked for."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _standing(Path(entry.path))
            else:
                yield Path(entry.path)
