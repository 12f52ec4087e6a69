"""SQLite files on disks: opened, read where nothing can be written, closed, and told from another file."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

from sav.errors import ResultsError, SettingError, WriteError
from sav.sqlite.kind import Kind, errors
from sav.sqlite.tables import check, is_empty

# Seconds to wait for another process that is writing to the same file.
_PATIENCE = 30.0
# What may lie beside a file: what was written and is not in it yet, and what is to be undone.
_BESIDE = ("-wal", "-journal")
# Bytes of a path that SQLite takes, with the longest end that it gives to one.
_LONGEST = 512 - len("-journal")

# File systems of disks that several computers may have, as Linux calls them.
_NETWORKS = {
    "9p", "afs", "beegfs", "ceph", "cifs", "gfs2", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "ocfs2",
    "orangefs", "smb3", "smbfs", "vboxsf", "virtiofs",
}  # fmt: skip


def check_path(path: Path) -> None:
    """Check that a path is not longer than SQLite takes.

    Raises:
        SettingError: It is.
    """
    longest = max(len(os.fsencode(name)) for name in (path.absolute(), os.path.realpath(path)))
    if os.name == "posix" and longest > _LONGEST:
        raise SettingError(
            f"{path} would have a path of {longest} bytes, and SQLite takes {_LONGEST}: give a folder for the"
            " results that has a shorter one"
        )


def identity(path: Path) -> tuple[int, int] | None:
    """What stands for the file at a path, whatever it is called: its disk, and its number there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def opening(path: Path, mode: str, kind: Kind) -> Iterator[Connection]:
    """A connection that is closed again if the block fails.

    Raises:
        ResultsError: There is something else than a file, or a file of another kind.
        WriteError: It cannot be opened.
    """
    _check_file(path, kind)
    address = f"{path.absolute().as_uri()}?mode={mode}"
    with errors(path, kind):
        # Several threads may use it, one after the other.
        database = sqlite3.connect(
            address, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            yield database
        except BaseException:
            database.close()
            raise


def to_read(path: Path, kind: Kind) -> Connection:
    """A connection for one who only reads, which leaves the file as it is.

    Raises:
        FileNotFoundError: There is none.
        ResultsError: It cannot be read, or is none of that kind.
        WriteError: Another run is writing.
    """
    recover(path, kind)
    try:
        with opening(path, "ro", kind) as database:
            check(path, database, kind)
            return database
    except WriteError as error:
        if error.errno == errno.EBUSY:
            raise
        with path.open("rb"):  # the system says better why it cannot be read
            pass
        return _copied(path, kind)


def temporary() -> Connection:
    """A database that goes with its connection; what is too much for the memory is on the disk."""
    return sqlite3.connect("", isolation_level=None, check_same_thread=False)


def recover(path: Path, kind: Kind) -> None:
    """Finish or undo what a process that was killed had begun, which nobody can who only reads."""
    if any(path.with_name(path.name + suffix).exists() for suffix in _BESIDE):
        with contextlib.suppress(ResultsError, WriteError), opening(path, "rw", kind) as database:
            is_empty(database)  # the first look does it
            close(path, database, kind)


def keep_a_journal(path: Path, database: Connection) -> str:
    """Have what is written survive a kill; the kind of journal that the file system allows.

    SQLite's write-ahead log, the quicker kind, has a part in memory that computers cannot share, see
    sqlite.org/wal.html: on a disk that several may use, it goes without.
    """
    wanted = "DELETE" if _is_on_a_network(path.parent) else "WAL"
    (mode,) = database.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
    return str(mode)


def close(path: Path, database: Connection, kind: Kind) -> bool:
    """Close a file that was written to; where nobody else has it open, it is then one that can be copied.

    Returns:
        Whether nobody else has it open.

    Raises:
        WriteError: It cannot be written; what was committed is there all the same.
    """
    try:
        with errors(path, kind):
            database.execute("PRAGMA busy_timeout = 0")
            database.execute("PRAGMA journal_mode = DELETE")
            return True
    except WriteError as error:
        if error.errno != errno.EBUSY:  # the last one to close it does that
            raise
        return False
    finally:
        database.close()


def _copied(path: Path, kind: Kind) -> Connection:
    """What a file holds beside which SQLite would have to write, and cannot: on a read-only disk, say.

    Raises:
        OSError: It cannot be copied.
        ResultsError: It is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, *(path.name + suffix for suffix in _BESIDE)):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(path.with_name(name), Path(folder, name))
        with errors(path, kind), contextlib.closing(sqlite3.connect(Path(folder, path.name))) as copy:
            check(path, copy, kind)
            copy.execute("PRAGMA journal_mode = DELETE")
            together = temporary()
            copy.backup(together)
            return together


def _check_file(path: Path, kind: Kind) -> None:
    """Raise ResultsError if there is something that is no file; of a pipe, one would wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError:
        if path.is_symlink():
            raise ResultsError(f"{path}{kind.what_for} is a link that leads nowhere: {kind.advice}") from None
        return
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no file"
        raise ResultsError(f"{path}{kind.what_for} is {what}: {kind.advice}")


def _is_on_a_network(folder: Path) -> bool:
    """Whether other computers may have the same disk, as far as Linux says so; no elsewhere."""
    device = folder.stat().st_dev
    with contextlib.suppress(OSError, AttributeError), Path("/proc/self/mountinfo").open() as mounts:
        number = f"{os.major(device)}:{os.minor(device)}"
        for mount, _, system in (line.partition(" - ") for line in mounts):
            if mount.split()[2] == number:
                kind = system.split()[0]
                return kind in _NETWORKS or kind.startswith("fuse.")
    return False
