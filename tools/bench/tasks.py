"""What Ray costs a task, without models, pictures or files: `python -m tools.bench.tasks --workers 1 16 64`.

Workers that sleep take tasks as large as those of pictures, and give as much back. What is told is the
processor's time of a task: of the process that hands out, of Ray's own processes on its machine, of a worker.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial
from typing import Any

from sav.cluster.connection import Cluster
from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from tools.bench.processes import KINDS, used

_CONCURRENCY = 3


class Sleeping:
    """Work of a GPU that many threads wait for, and that costs no processor."""

    def __init__(self, seconds: float, answer: int) -> None:
        """Take `seconds` of each of the threads for a task, and give `answer` bytes back."""
        self._seconds, self._answer = seconds * _CONCURRENCY, os.urandom(answer)

    def hello(self) -> None:
        """There is nothing to say."""

    def __call__(self, task: bytes) -> bytes:
        """Sleep."""
        time.sleep(self._seconds)
        return self._answer


def main(argv: list[str] | None = None) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=0.16, help="that a task takes")
    parser.add_argument("--each", type=int, default=100, help="tasks a worker")
    parser.add_argument("--bytes", type=int, nargs=2, default=(400, 20_000), help="of a task and its result")
    args = parser.parse_args(argv)

    print("workers  tasks/s   of what they could  ms a task: driver  raylet, GCS  Ray's Python  worker")
    with Cluster(cpus=max(args.workers), gpus=0) as cluster:
        for workers in args.workers:
            print(_row(cluster, workers, args), flush=True)
    return 0


def _row(cluster: Cluster, number: int, args: argparse.Namespace) -> str:
    size, answer = args.bytes
    make: Any = partial(Sleeping, args.seconds, answer)
    tasks = [os.urandom(size) for _ in range(number * args.each)]
    pool: Pool[bytes, bytes]
    with Pool(cluster, Share(number, 1, 0), make, _CONCURRENCY) as pool:
        pool.ready(number)
        before, begun = used(), time.perf_counter()
        for _ in pool.ordered(tasks, bundled=True):
            pass
        rate = len(tasks) / (time.perf_counter() - begun)
        spent = {who: spent - before[who] for who, spent in used().items()}
    driver, native, python, worker = (1000 * spent[who] / len(tasks) for who in KINDS)
    share = rate * args.seconds / number
    cost = f"{driver:25.2f}  {native:11.2f}  {python:12.2f}  {worker:6.2f}"
    return f"{number:7}  {rate:7.1f}  {share:19.3f}{cost}"


if __name__ == "__main__":
    sys.exit(main())
