"""Captures of CUDA graphs, one at a time in a process, as PyTorch wants it, and graphs' ends between them.

What PyTorch notes of captures and of graphs that end has no lock. While a graph is captured no garbage is
collected: a graph among it would break the capture.

Reference tests: tests/simulated_gpu/test_captures.py; on a GPU tests/gpu/test_decoder.py.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import torch

Result = TypeVar("Result")
_one_at_a_time = threading.RLock()
_underway: list[torch.cuda.CUDAGraph] = []
_unused: list[Any] = []


def record(
    graph: torch.cuda.CUDAGraph, pool: Any, device: torch.device, function: Callable[[], Result]
) -> Result:
    """Capture a call on the current stream; other threads may use the device meanwhile.

    Args:
        graph: A new one; of no more use if this fails.
        pool: What `torch.cuda.graph_pool_handle` gave; of no more use if this fails.
        device: The current one, which has an index.
        function: What to call.

    Raises:
        RuntimeError: If the call cannot be captured; whatever else the function raises is raised, too.
    """
    try:
        with _one_at_a_time, _no_garbage_collected():
            _underway.append(graph)
            try:
                return _recorded(graph, pool, function)
            except BaseException:
                _forget(graph, pool, device)
                raise
            finally:
                _underway.pop()
    finally:
        discard({})  # what was let go of meanwhile


def discard(graphs: MutableMapping[Any, Any], *keys: Any) -> None:
    """Take what holds graphs out of a mapping; it ends now or, if one is captured just now, after that."""
    for key in keys:
        _unused.append(graphs.pop(key))
    if _unused and _one_at_a_time.acquire(blocking=False):
        try:
            _sweep()
        finally:
            _one_at_a_time.release()


def free_unused() -> None:
    """Give back the memory that PyTorch keeps for later, between captures: during one that is an error."""
    try:
        with _one_at_a_time:
            _sweep()
            torch.cuda.empty_cache()
    finally:
        discard({})  # what was let go of meanwhile


def _sweep() -> None:
    if not _underway:
        _unused.clear()


def _recorded(graph: torch.cuda.CUDAGraph, pool: Any, function: Callable[[], Result]) -> Result:
    graph.capture_begin(pool, capture_error_mode="thread_local")
    try:
        result = function()
    except BaseException:
        with suppress(RuntimeError):  # says that the capture has failed
            graph.capture_end()
        raise
    graph.capture_end()
    return result


def _forget(graph: torch.cuda.CUDAGraph, pool: Any, device: torch.device) -> None:
    """Have PyTorch be as if a capture that has failed had not been; most versions leave some of it out."""
    with suppress(RuntimeError):
        graph.reset()
    # The allocator would go on giving memory for it.
    with suppress(RuntimeError, AttributeError):  # where it has ended that itself
        torch._C._cuda_endAllocateToPool(device.index, pool)
    # Random numbers would be refused to all others until the end of a capture, any that ends well.
    with suppress(RuntimeError):
        other = torch.cuda.CUDAGraph()
        _recorded(other, torch.cuda.graph_pool_handle(), lambda: torch.ones(1, device=device))


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
