"""Files that appear under their name whole, or not at all, and stay so when the power goes."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from sav.errors import DISK_FULL, WriteError

try:
    import fcntl
except ImportError:  # Windows, which by itself does not let go of a file that is open
    fcntl = None  # type: ignore[assignment]

# What this process has staged.
_staged: set[Path] = set()
_SUFFIX = ".sav-part"
_STAGING = re.compile(rf"\..+\.[a-z0-9_]{{8}}{re.escape(_SUFFIX)}")
# Of Linux' renameat2: paths from the working folder, and two names that are swapped.
_HERE, _EXCHANGE = -100, 2
# From how many files on one call for the whole system is quicker than one a file.
_MANY = 64
# Bytes of a name that a hidden name repeats: most file systems take 255.
_MOST_REPEATED = 200
# Bytes for which there must be room on a disk.
_PROBE = 1 << 16
_OF_THE_DISK = DISK_FULL | {
    errno.EACCES, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR,
    errno.EPERM,
}  # fmt: skip


def check_folder(folder: Path) -> None:
    """Check that files can be written in `folder`, or that it can be made; nothing is left there.

    Raises:
        NotADirectoryError: It, or what it is to lie in, is a file.
        PermissionError: Nothing can be written there.
    """
    standing = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not standing.is_dir():
        raise NotADirectoryError(f"{standing} is a file; name a folder")
    try:
        with tempfile.TemporaryFile(dir=standing) as file:
            file.write(bytes(_PROBE))
    except OSError as error:
        raise PermissionError(f"cannot write in the folder {standing}: {error.strerror}") from None


def is_of_the_disk(error: BaseException) -> bool:
    """Whether it is the disk, and nothing that is written to it, that an error comes from."""
    return isinstance(error, OSError) and error.errno in _OF_THE_DISK


@contextlib.contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Have what the disk says inside the block name `path`, whatever hidden name it is written under.

    Raises:
        WriteError: In place of the operating system's error.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        if not is_of_the_disk(error):
            raise
        raise WriteError(path, error) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Lend a hidden name to write to; it becomes `path` if the block ends well.

    The hidden name ends as `path` does, since some writers choose their format by it. If the block raises,
    the half-written file is removed and what was at `path` before stays.

    Raises:
        WriteError: It cannot be written.
    """
    if any(_STAGING.fullmatch(part) for part in path.parts):
        yield path  # nobody sees it yet, and it goes with the staging folder
        return
    with named_errors(path), staging_folder(path) as staging:
        yield staging / path.name
        put_in_place(staging / path.name, path)


@contextlib.contextmanager
def staging_folder(beside: Path) -> Iterator[Path]:
    """Lend a hidden folder beside `beside` for files that are not to be seen yet; it goes with the block.

    A process that is killed leaves its folder behind. Each has a lock on its own, which ends with the process
    whatever ends it; the next who stages something there removes those that nobody has a lock on.
    """
    remove_abandoned(beside.parent)
    with contextlib.ExitStack() as stack:
        staging = _new_folder(beside)
        while not _is_locked(staging, stack):
            staging = _new_folder(beside)
        _staged.add(staging)
        stack.callback(_staged.discard, staging)
        stack.callback(shutil.rmtree, staging, ignore_errors=True)
        yield staging


def remove_unfinished() -> None:
    """Remove all that this process has staged: for an end on the spot, which no `finally` sees."""
    for staging in list(_staged):
        with contextlib.suppress(OSError):
            # Under another name first, so that nothing is put in place out of it while it goes.
            aside = _new_folder(staging.with_name("gone"))
            staging.rename(aside)
            shutil.rmtree(aside)


def put_in_place(partial: Path, path: Path, *, is_lasting: bool = True) -> Path:
    """Give a finished file its name, in place of what has it; it is on the disk before that.

    Args:
        partial: The file.
        path: Its name.
        is_lasting: Have also the name be on the disk when this returns.

    Returns:
        `path`.

    Raises:
        WriteError: It cannot be done; what was at `path` stays.
    """
    with named_errors(path):
        _sync(partial)
        move(partial, path)
        if is_lasting:
            sync_folder(path.parent)
    return path


def move(partial: Path, path: Path) -> None:
    """Rename, also from one disk to another."""
    try:
        partial.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with staging_folder(path) as near:
            shutil.copyfile(partial, near / path.name)
            _sync(near / path.name)
            (near / path.name).replace(path)


def exchange(one: Path, other: Path) -> bool:
    """Have two files or folders swap their names in one step; False where that cannot be done."""
    try:
        rename = ctypes.CDLL(None).renameat2  # Linux alone
    except (AttributeError, OSError, TypeError):
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def sync_files(paths: Sequence[Path]) -> None:
    """Have files reach the disk, all of them at once if they are many."""
    if len(paths) > _MANY and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with named_errors(path):
            _sync(path)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` reach the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        _sync(folder)


def remove_abandoned(folder: Path) -> None:
    """Remove the staging folders in `folder` that no living process has a lock on."""
    if fcntl is None:
        return
    for path in [Path(entry) for entry in _entries(folder) if _STAGING.fullmatch(entry.name)]:
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _new_folder(beside: Path) -> Path:
    name = os.fsdecode(os.fsencode(beside.name)[:_MOST_REPEATED])
    return Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=_SUFFIX, dir=beside.parent))


def _is_locked(staging: Path, stack: contextlib.ExitStack) -> bool:
    """Lock a folder until `stack` ends; False if another process took it for abandoned in the moment before.

    Where there are no locks, nothing is ever taken for abandoned.
    """
    if fcntl is None:
        return True
    try:
        lock = os.open(staging, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    stack.callback(os.close, lock)
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX)
    return staging.exists()


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # what it lies on cannot do that
            raise
    finally:
        os.close(descriptor)
