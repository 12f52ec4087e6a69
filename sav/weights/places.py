"""Reads a file at any place from several threads at once. It needs no torch."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from typing import BinaryIO

# Bytes that one call reads at most; systems refuse more than 2 GiB.
_AT_ONCE = 2**28


class Places:
    """A file that is read by place, so that nobody moves another reader's."""

    def __init__(self, file: BinaryIO, alone: threading.Lock | None = None) -> None:
        """Begin; others who move in the file hold `alone` while they do."""
        self._file, self._lock = file, alone or threading.Lock()
        self._descriptor: int | None = None
        if hasattr(os, "preadv"):  # not on Windows
            with contextlib.suppress(io.UnsupportedOperation):  # of what lies in memory
                self._descriptor = file.fileno()

    def read_into(self, place: int, target: memoryview) -> bool:
        """Fill `target` with the bytes from `place` on; False if the file ends before that."""
        done = 0
        while done < len(target):
            count = self._read(place + done, target[done : done + _AT_ONCE])
            if not count:
                return False
            done += count
        return True

    def _read(self, place: int, target: memoryview) -> int:
        if self._descriptor is not None:
            return os.preadv(self._descriptor, [target], place)
        with self._lock:
            self._file.seek(place)
            return int(self._file.readinto(target) or 0)  # type: ignore[attr-defined]
