"""Stages that overlap: each runs in a thread of its own and hands on through a short queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Seconds after which a stage that waits looks whether it is still wanted.
_PATIENCE = 0.1
_END = object()


class overlap(Generic[T]):  # noqa: N801 (used as the function it is to its callers)
    """The items of another iterable, while a thread works ahead on them by at most `capacity`.

    Stages are chained by nesting: each `overlap` closes the one inside it. An error in the thread is raised
    here, with its traceback, after all items that came before it. Ctrl-C ends the waiting for an item, not
    the thread: what is done can be saved at once, while the models are still in the middle of a frame.
    """

    def __init__(self, items: Iterable[T], capacity: int = 2) -> None:
        """Start the thread."""
        self._ready: queue.Queue[Any] = queue.Queue(capacity)
        self._unwanted = threading.Event()
        self._worker = threading.Thread(
            target=_work_ahead, args=(items, self._ready, self._unwanted), daemon=True
        )
        self._worker.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._unwanted.is_set():
            raise StopIteration
        kind, value = self._ready.get()
        if kind is not _END:
            item: T = value
            return item
        self.close()
        raise StopIteration if value is None else value

    def close(self) -> None:
        """Have the thread stop after the item that it is at, and wait until it has."""
        self._unwanted.set()
        self._worker.join()

    def __del__(self) -> None:
        self._unwanted.set()


def _work_ahead(items: Iterable[T], ready: queue.Queue[Any], unwanted: threading.Event) -> None:
    """Put each item, and in the end the error or None, until nobody wants them any more."""
    iterator = iter(items)
    error: BaseException | None = None
    try:
        for item in iterator:
            if not _put(ready, (None, item), unwanted):
                break
    except BaseException as raised:  # handed over, not swallowed
        error = raised
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        _put(ready, (_END, error), unwanted)


def _put(ready: queue.Queue[Any], item: Any, unwanted: threading.Event) -> bool:
    while not unwanted.is_set():
        try:
            ready.put(item, timeout=_PATIENCE)
        except queue.Full:
            continue
        return True
    return False


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items, the last one shorter; items that came before an error are not lost."""
    batch: list[T] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
