"""What the library asks of `torch.cuda`, on a machine without CUDA: streams that are one, and graphs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from tests.simulated_gpu.chip import DEVICE, Capture, Chip

# How many streams of one priority PyTorch has, which it hands out in turns.
POOL = 32


class Driver:
    """One GPU for all threads.

    Attributes:
        chips: What computes, one a thread.
        graphs: All graphs whose capture was begun.
        ended_pools: For which the allocator was told to give no more memory.
        capturing: The graph that is captured, in whatever thread: PyTorch wants one at a time.
        random_is_refused: As PyTorch does after a capture that has failed, until one ends well.
        freed: How often memory that is kept for later was given back.
    """

    def __init__(self) -> None:
        self.chips: list[Chip] = []
        self.graphs: list[Graph] = []
        self.ended_pools: list[Any] = []
        self.capturing: Graph | None = None
        self.random_is_refused = False
        self.given_streams = 0
        self.freed = 0
        self._local = threading.local()

    @property
    def waits(self) -> list[str]:
        """Where the host waited so far, in all threads."""
        return [wait for chip in self.chips for wait in chip.waits]

    def forget_waits(self) -> None:
        for chip in self.chips:
            chip.waits.clear()

    @property
    def chip(self) -> Chip:
        """What computes in this thread."""
        if not hasattr(self._local, "chip"):
            self._local.chip = Chip()
            self.chips.append(self._local.chip)
        return self._local.chip

    @contextmanager
    def here(self) -> Iterator[Chip]:
        """Inside the block this thread has a GPU."""
        if isinstance(_get_current_dispatch_mode(), Chip):
            yield self.chip
            return
        with self.chip as chip:
            yield chip

    def empty_cache(self) -> None:
        assert self.capturing is None, "INTERNAL ASSERT FAILED: captures_underway.empty()"
        self.freed += 1

    def current_stream(self, device: Any = None) -> Stream:
        return getattr(self._local, "stream", None) or Stream(self, 0)

    @contextmanager
    def stream(self, stream: Stream | None) -> Iterator[None]:
        before, self._local.stream = self.current_stream(), stream or self.current_stream()
        try:
            yield
        finally:
            self._local.stream = before

    def new_stream(self, device: Any = None, priority: int = 0) -> Stream:
        self.given_streams += 1
        return Stream(self, self.given_streams % POOL, priority)


class Stream:
    """All streams are one queue. Nothing can refer to one weakly, which some versions of PyTorch crash of."""

    __slots__ = ("__dict__",)

    def __init__(self, driver: Driver, number: int, priority: int = 0) -> None:
        self.stream_id, self.priority, self.device, self._driver = number, priority, DEVICE, driver

    def wait_stream(self, other: Stream) -> None: ...

    def wait_event(self, event: Event) -> None: ...

    def record_event(self) -> Event:
        return Event()

    def synchronize(self) -> None: ...


class Event:
    def wait(self, stream: Stream) -> None: ...


class Graph:
    """A CUDA graph: what it gives is there when it was replayed, and lasts until it is again."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self.pool, self.replays, self.stream_id = driver, None, 0, -1

    def capture_begin(self, pool: Any, capture_error_mode: str) -> None:
        assert capture_error_mode == "thread_local"
        assert self._driver.capturing is None
        self._driver.capturing, self._driver.random_is_refused = self, True
        self._driver.graphs.append(self)
        self.pool, self._captured = pool, Capture()
        self.stream_id = self._driver.current_stream().stream_id
        self._driver.chip.capture = self._captured

    def capture_end(self) -> None:
        self._driver.chip.capture = self._driver.capturing = None
        if self._captured.is_broken:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")
        self._driver.random_is_refused = False

    def reset(self) -> None:
        assert self._driver.capturing is not self

    def replay(self) -> None:
        self.replays += 1
        self._captured.replay()


def plug_in(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """Have `torch.cuda` be a simulated GPU's."""
    driver = Driver()
    replaced = {
        "current_stream": driver.current_stream,
        "stream": driver.stream,
        "Stream": driver.new_stream,
        "CUDAGraph": lambda: Graph(driver),
        "graph_pool_handle": object,
        "device": lambda device: nullcontext(),
        "device_of": lambda tensor: nullcontext(),
        "is_current_stream_capturing": lambda: driver.chip.capture is not None,
        "get_device_capability": lambda device=None: (9, 0),
        "current_device": lambda: 1,
        "empty_cache": driver.empty_cache,
    }
    for name, value in replaced.items():
        monkeypatch.setattr(torch.cuda, name, value)
    # A model's tensors are replaced, not filled.
    monkeypatch.setattr(torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True)
    run = threading.Thread.run

    def run_here(thread: threading.Thread) -> None:
        with driver.here():
            run(thread)

    monkeypatch.setattr(threading.Thread, "run", run_here)
    end = "_cuda_endAllocateToPool"
    monkeypatch.setattr(torch._C, end, lambda device, pool: driver.ended_pools.append(pool), raising=False)
    return driver
