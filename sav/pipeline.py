"""Stages that overlap: each runs in a thread of its own and hands on through a short queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

# Seconds after which a stage that waits looks whether it is still wanted.
_PATIENCE = 0.1
_END = object()


def overlap(items: Iterable[T], capacity: int = 2) -> Generator[T, None, None]:
    """Yield `items` while a thread works ahead on them by at most `capacity`.

    Stages are chained by nesting: each `overlap` closes the one inside it. An error in the thread is raised
    here, with its traceback, after all items that came before it. When this generator is closed, by the end
    of its consumer or by Ctrl-C, the thread stops after the item that it is at.
    """
    ready: queue.Queue[Any] = queue.Queue(capacity)
    unwanted = threading.Event()
    worker = threading.Thread(target=_work_ahead, args=(items, ready, unwanted), daemon=True)
    worker.start()
    try:
        while True:
            kind, value = ready.get()
            if kind is _END:
                if value is not None:
                    raise value
                return
            yield value
    finally:
        unwanted.set()
        worker.join()


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
