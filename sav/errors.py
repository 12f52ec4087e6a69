"""What is wrong with a setting, the content of a file, a disk or a device: a line each that says what to do.

Each kind is a built-in kind, too, for callers who know those. Of files that are not there, and of arguments
from Python that make no sense, Python's own errors tell: OSError, ValueError, TypeError.
"""

from __future__ import annotations

import errno
from pathlib import Path

# How a command ended: all done, part of it, nothing. A `SavError` that ends a command before anything is done
# means FAILED.
DONE, PARTLY_DONE, FAILED = 0, 1, 2

# What the disk says when there is no use in going on: it is full, read-only, or a folder is gone meanwhile.
DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE}


class SavError(Exception):
    """Something that a user can mend."""


class SettingError(SavError, ValueError):
    """A setting, a class or a device that there is not, or that is out of its range."""


class CheckpointError(SavError, ValueError):
    """A checkpoint that cannot be had, or cannot be used."""


class BoxesError(SavError, ValueError):
    """A file with boxes that cannot be read, or that are of other pictures."""


class PictureError(SavError, ValueError):
    """A file that cannot be read as a picture."""


class VideoError(SavError, ValueError):
    """A source that cannot be read as a video, or a video that MP4 cannot hold."""


class VideoDamagedError(VideoError):
    """A video that breaks off before its end; the frames before that are good."""


class VideoSizeChangedError(VideoDamagedError):
    """A video whose frames change their size."""


class ResultsError(SavError, ValueError):
    """Results of an earlier run that cannot be read, or that these cannot be joined to."""


class EvaluationError(SavError, ValueError):
    """Results and ground truth that cannot be compared, or a file that is neither."""


class PackageMissingError(SavError, ImportError):
    """A package that only one part of the program needs is not installed."""


class ClusterError(SavError, RuntimeError):
    """Workers that cannot be had: nobody answers there, there is no room, or they all die."""


class WorkerLostError(SavError, RuntimeError):
    """A process that helps has ended, or a task killed its worker, and then one that did nothing else."""


class WriteError(SavError, OSError):
    """A file cannot be written; the message names it.

    Attributes:
        is_final: Whether nothing else can be written there either, because the disk is full, say.
    """

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"cannot write {path}: {error.strerror or error}")
        self.errno = error.errno
        self.is_final = error.errno in DISK_FULL
        self._made_of = path, error

    def __reduce__(self) -> tuple[type[WriteError], tuple[Path, OSError]]:
        """What it is made of anew in another process."""
        return WriteError, self._made_of


class DeviceMemoryError(SavError, MemoryError):
    """A picture or frame for which the GPU, or the machine, has not enough memory."""
