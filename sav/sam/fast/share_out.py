"""Work on a CPU shared out between threads that each compute alone.

Contract: the results of a loop over the items, in order; what depends on PyTorch's number of threads, such as
rounding, is that of one thread.
Reference test: tests/sam/fast/test_share_out.py.
Gain over PyTorch's two threads within each tensor, for the fast decoder's points: 7 (3 to 10) on cores that
have other work, too, where PyTorch's threads wait for each other by spinning; 1.4 (1.0 to 1.8) with
OMP_WAIT_POLICY=passive. For the five boxes of a video's frame it costs a fifth of a run's time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_starting = threading.Lock()


def share_out(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `work` for each item, in order, as many items at once as PyTorch has threads.

    Tensors that fit into a processor's cache are too small to be shared between threads; whole items are not.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [work(item) for item in items]
    pool = _lone_threads(threads)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)


def _lone_threads(count: int) -> ThreadPoolExecutor:
    """Threads of which each computes alone; all others go on with as many as they have.

    A thread takes over PyTorch's number of threads when it first computes, and keeps it. So the number is 1
    only while these start.
    """
    pool = ThreadPoolExecutor(count)
    all_here = threading.Barrier(count)

    def take_over() -> None:
        torch.get_num_threads()
        all_here.wait()  # else one thread could do the work of another before that has started

    with _starting:
        torch.set_num_threads(1)
        try:
            for started in [pool.submit(take_over) for _ in range(count)]:
                started.result()
        finally:
            torch.set_num_threads(count)
    return pool
