"""Triton kernels are tried; where they fail one logged line says so, and plain PyTorch does the work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from typing import TypeVar

import torch

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Attempts:
    """Calls of what launches the kernels for one purpose, in one process.

    Attributes:
        device_types: On which kernels are tried at all.
    """

    device_types: tuple[str, ...] = ("cuda",)

    def __init__(self, done_without: str) -> None:
        """Prepare; `done_without` is the line's beginning."""
        self._done_without = done_without
        self._failed: set[torch.device] = set()

    def __call__(self, device: torch.device, launch: Callable[[], Result]) -> Result | None:
        """What `launch` returns; None where there is no such device, or kernels have failed on it."""
        if device.type not in self.device_types or device in self._failed:
            return None
        try:
            return launch()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # Triton's own, the compiler's that it needs, the driver's
            reason = str(error).strip().partition("\n")[0]
            _log.warning("%s without Triton kernels: %s", self._done_without, reason)
            self._failed.add(device)
            return None


class Background:
    """What is done once, for each of some keys in a thread of its own; a process ends when all is done."""

    def __init__(self) -> None:
        self._threads: dict[Hashable, threading.Thread] = {}

    def __reduce__(self) -> tuple[type[Background], tuple[()]]:
        """In another process nothing is done yet."""
        return Background, ()

    def has_done(self, key: Hashable, work: Callable[[], None]) -> bool:
        """Whether what belongs to a key is done; who asks first has it begun."""
        thread = self._threads.get(key)
        if thread is None:
            thread = self._threads[key] = threading.Thread(target=work)
            thread.start()
        return not thread.is_alive()

    def wait(self) -> None:
        """Return when all that was begun is done."""
        for thread in list(self._threads.values()):
            thread.join()
