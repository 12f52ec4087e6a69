"""Work on a CPU shared out between threads that each compute alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def share_out(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of `work` for each item, in order, as many items at once as PyTorch has threads.

    Tensors that fit into a processor's cache are too small to be shared between threads; whole items are not.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [work(item) for item in items]
    pool = ThreadPoolExecutor(threads)
    torch.set_num_threads(1)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
