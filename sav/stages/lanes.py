"""Lanes of a GPU (CUDA streams): what threads ask of it runs side by side, each one's in its own order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sav.streams import own_stream


class Lane:
    """A thread's own queue of work on a device; on any but CUDA there is one queue for all."""

    def __init__(self, device: torch.device, is_urgent: bool = False) -> None:
        """Begin behind what the calling thread has asked of the device so far, weights among it.

        What is urgent goes before what other lanes have waiting, as a short work should before a long one.
        """
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = own_stream(device, priority=-1 if is_urgent else 0)
            self._stream.wait_stream(torch.cuda.current_stream(device))

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Inside the block the calling thread's work goes into this lane."""
        if self._stream is None:
            yield
            return
        with torch.cuda.stream(self._stream):
            yield

    def mark(self) -> torch.cuda.Event | None:
        """A mark behind all that is in the lane by now; for `after`."""
        return None if self._stream is None else self._stream.record_event()

    def after(self, mark: torch.cuda.Event | None) -> None:
        """Have what comes next wait for a mark of another lane.

        Tensors that were made there are to be kept until this lane has done what it does with them: `wait`.
        """
        if self._stream is not None and mark is not None:
            self._stream.wait_event(mark)

    def wait(self) -> None:
        """Return when all that is in the lane by now is done."""
        if self._stream is not None:
            self._stream.synchronize()
