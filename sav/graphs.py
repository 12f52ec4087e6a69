"""Functions of tensors as CUDA graphs: hundreds of small kernels are launched at once, not one by one.

Contract: what the plain function returns, computed by the same kernels.
Reference tests: tests/test_graphs.py, tests/simulated_gpu; on a GPU tests/gpu/test_decoder.py.
Without CUDA, and where a function cannot be captured, it is called as it is.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from sav.captures import discard, free_unused, record
from sav.streams import own_stream

_log = logging.getLogger(__name__)
Result = TypeVar("Result")
# Kinds of calls of which it is remembered that they were made once, by one thread each.
_MOST_WARM = 256
# Tensors in a result from which on they are copied in one piece.
_MANY = 4


@dataclass(frozen=True, eq=False)
class _Captured:
    """A graph, with the memory that it reads and writes.

    Attributes:
        graph: Its kernels.
        inputs: The tensors among the arguments, in order.
        result: What the function returned when it was captured.
        joined: The numbers of all tensors in it, one after the other; None where each is copied for itself.
    """

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    result: Any
    joined: Tensor | None

    def copied(self) -> Any:
        """What the function returned when the graph ran last, in memory that no graph writes."""
        tensors = [*_tensors(self.result)]
        if self.joined is None:
            return _replaced(self.result, (tensor.clone() for tensor in tensors))
        # One copy in place of many small ones, each of which holds Python up.
        return _replaced(self.result, iter(_unflatten_dense_tensors(self.joined.clone(), tensors)))


class Graphs:
    """Calls functions of tensors, through graphs where they have been called in the same shapes before.

    A function must not wait for the device, nor choose shapes or branches by what is in tensors; it may read
    tensors that stay where they are, such as weights. Graphs share their memory, that of arguments, too: one
    runs at a time, whatever threads and streams ask, and results are copied out of it; many of them in one
    piece, which makes them contiguous.
    """

    def __init__(self, capacity: int = 16) -> None:
        """Keep the `capacity` graphs that were used last."""
        self._capacity = capacity
        self._captured: OrderedDict[Any, _Captured | None] = OrderedDict()
        self._warm: set[Any] = set()
        self._lock = threading.Lock()
        self._pool: Any = None
        self._done: torch.cuda.Event | None = None
        weakref.finalize(self, _discard_all, self._captured).atexit = False

    def __reduce__(self) -> tuple[type[Graphs], tuple[int]]:
        """Another process begins without a graph."""
        return Graphs, (self._capacity,)

    def __call__(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What `function` returns for some arguments.

        Args:
            function: Takes and returns tensors, and tuples of such, named or not.
            arguments: What is no tensor in them must be hashable, and means a graph of its own.
        """
        tensors = list(_tensors(arguments))
        device = tensors[0].device
        if device.type != "cuda":
            return function(*arguments)

        with self._lock, torch.cuda.device(device):
            captured = self._find(function, arguments, tensors)
            if captured is None:
                return _as_copied(function(*arguments))
            stream = torch.cuda.current_stream()
            if self._done is not None:
                stream.wait_event(self._done)
            torch._foreach_copy_(captured.inputs, tensors)
            try:
                captured.graph.replay()
                return captured.copied()
            finally:  # where there is no memory for a copy, too
                self._done = stream.record_event()

    def _find(self, function: Callable[..., Any], arguments: Any, tensors: list[Tensor]) -> _Captured | None:
        """The graph of a function for such arguments; None the first time, for warming up, and on failure."""
        key = _name(function), _kind(arguments)
        if key in self._captured:
            self._captured.move_to_end(key)
            return self._captured[key]
        # Libraries make their handles, a thread each, and load their kernels in a call that is not captured.
        warm = key, threading.get_ident()
        if warm not in self._warm:
            if len(self._warm) >= _MOST_WARM:
                self._warm.clear()
            self._warm.add(warm)
            return None

        self._warm = {other for other in self._warm if other[0] != key}
        self._captured[key] = self._capture(function, arguments, tensors)
        if len(self._captured) > self._capacity:
            oldest = next(iter(self._captured))
            self._let_go(self._captured[oldest])
            discard(self._captured, oldest)
        return self._captured[key]

    def _let_go(self, captured: _Captured | None) -> None:
        """Have the memory of a graph's inputs be given away behind its last run, in whatever stream."""
        if captured is None or self._done is None:
            return
        stream = torch.cuda.current_stream()
        stream.wait_event(self._done)
        for tensor in captured.inputs:
            tensor.record_stream(stream)

    def _capture(
        self, function: Callable[..., Any], arguments: Any, tensors: list[Tensor]
    ) -> _Captured | None:
        """The graph; None, and one line, where there can be none."""
        problem = ""
        for is_again in (False, True):
            try:
                if is_again:  # PyTorch gives nothing back by itself while it captures
                    free_unused()
                return self._captured_now(function, arguments, tensors)
            except RuntimeError as error:
                problem = str(error)
            if "out of memory" not in problem:
                break
        name = getattr(function, "__qualname__", repr(function))
        _log.warning("%s runs without a CUDA graph: %s", name, problem.partition("\n")[0])
        return None

    def _captured_now(self, function: Callable[..., Any], arguments: Any, tensors: list[Tensor]) -> _Captured:
        self._pool = self._pool or torch.cuda.graph_pool_handle()
        inputs = [self._read_from(place, tensor) for place, tensor in enumerate(tensors)]
        graph = torch.cuda.CUDAGraph()
        current = torch.cuda.current_stream()
        side = own_stream(current.device, current.priority)  # which a graph's kernels keep
        side.wait_stream(current)
        try:
            with torch.cuda.stream(side):
                given = _replaced(arguments, iter(inputs))
                result, joined = record(graph, self._pool, current.device, lambda: _joined(function(*given)))
        except BaseException:
            self._pool = None
            raise
        current.wait_stream(side)
        return _Captured(graph, inputs, result, joined)

    def _read_from(self, place: int, tensor: Tensor) -> Tensor:
        """Where a graph reads the argument at a place: as others do, since one runs at a time."""
        for captured in self._captured.values():
            if captured is not None and place < len(captured.inputs):
                there = captured.inputs[place]
                if _kind(there) == _kind(tensor):
                    return there
        return tensor.clone()


def _discard_all(captured: OrderedDict[Any, _Captured | None]) -> None:
    discard(captured, *list(captured))


def _name(function: Callable[..., Any]) -> Any:
    """By what a function is known, which does not keep alive the model that it is a method of."""
    return weakref.WeakMethod(function) if isinstance(function, MethodType) else function


def _joined(result: Result) -> tuple[Result, Tensor | None]:
    """A result, and the numbers of its tensors in one piece where they are copied so."""
    return result, _flatten_dense_tensors([*_tensors(result)]) if _is_joined(result) else None


def _as_copied(result: Result) -> Result:
    """What a function returned, laid out as what is copied out of its graph."""
    if not _is_joined(result):
        return result
    laid_out: Result = _replaced(result, (tensor.contiguous() for tensor in _tensors(result)))
    return laid_out


def _is_joined(result: Any) -> bool:
    tensors = [*_tensors(result)]
    return len(tensors) >= _MANY and len({tensor.dtype for tensor in tensors}) == 1


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _tensors(part)


def _replaced(value: Any, tensors: Iterator[Tensor]) -> Any:
    """Nested tuples with other tensors in the places of theirs."""
    if isinstance(value, Tensor):
        return next(tensors)
    if not isinstance(value, tuple):
        return value
    parts = [_replaced(part, tensors) for part in value]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


def _kind(value: Any) -> Any:
    """What is the same of nested tuples whose tensors only hold other numbers."""
    if isinstance(value, Tensor):
        return Tensor, value.shape, value.stride(), value.dtype, value.device
    return (type(value), *map(_kind, value)) if isinstance(value, tuple) else value
