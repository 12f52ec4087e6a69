"""Workers that hold models: tasks go to them as they get free, results come back in order.

Ray places the workers, carries tasks and results, keeps results that wait (on disk, where there are many),
and says who died. What it does not know is which task is to blame for a death: that is counted here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

from sav.cluster.connection import Cluster
from sav.cluster.placing import Share
from sav.cluster.worker import Actor, Done, Whereabouts, Work
from sav.errors import ClusterError, WorkerLostError

Task = TypeVar("Task")
Result = TypeVar("Result")

# A task that so many workers died of, with nothing else to do, is given up.
_MOST_DEATHS = 2
# Workers that die one after the other before their models are loaded: then there is something else.
_MOST_FAILED_STARTS = 3
# Seconds after which a wait looks around, and for how long there may be no worker.
_PATIENCE, _LONGEST_ABSENCE = 1.0, 1800.0
_END = object()


@dataclass(eq=False)
class _Job:
    """A task, and what became of it so far."""

    task: Any
    deaths: int = 0
    outcome: Any = None  # where its result lies, or the error that stands for it
    is_over: bool = False
    worker: Whereabouts | None = None


@dataclass(eq=False)
class _Worker:
    """An actor and what it is at."""

    actor: Any
    loading: Any
    where: Whereabouts | None = None
    running: dict[Any, _Job] = field(default_factory=dict)
    is_alone: bool = False

    def has_room(self, concurrency: int) -> bool:
        return self.where is not None and not self.is_alone and len(self.running) < concurrency


class Pool(Generic[Task, Result]):
    """Some workers; a context manager.

    A worker that dies is replaced, on whatever machine has room, and what it was at is done again, each task
    now alone on a worker: one that kills two workers which are at nothing else is given up. A machine that
    goes down is nobody's fault.

    Attributes:
        hellos: What each worker has said of itself when its models were loaded, by its number.
        deaths: How many workers have died.
    """

    def __init__(
        self, cluster: Cluster, share: Share, make: Callable[[], Work[Task, Result]], concurrency: int = 1
    ) -> None:
        """Start the workers; they load their models meanwhile.

        Args:
            cluster: Where.
            share: How many, and what each of them has.
            make: Makes the models, in each worker's process; is pickled.
            concurrency: Tasks that a worker is at at once, in threads of its own.
        """
        self.hellos: dict[int, Any] = {}
        self.deaths = 0
        self._cluster, self._ray, self._concurrency = cluster, cluster.ray, concurrency
        self._make = self._ray.put(make)
        self._actor_class = self._ray.remote(Actor).options(
            num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=0, max_concurrency=concurrency
        )
        self._queue: deque[_Job] = deque()  # waits for a worker
        self._again: deque[_Job] = deque()  # waits for a worker that has nothing else
        self._failed_starts = 0
        self._last_seen = time.monotonic()
        self._workers = [self._started(number) for number in range(share.workers)]

    def ready(self) -> Any:
        """Wait for the first worker; returns what it has said of itself.

        Raises:
            ClusterError: The workers die as they start, or none can be placed.
        """
        while not self.hellos:
            self._wait(_PATIENCE)
        return next(iter(self.hellos.values()))

    def ordered(
        self,
        tasks: Iterable[Task],
        window: int | None = None,
        on_wait: Callable[[], None] = lambda: None,
    ) -> Iterator[Done[Task, Result]]:
        """Yield what comes of each task, in their order, while the workers are at those that follow.

        `tasks` is asked for no more than fit into the window, and may itself go through another `ordered` of
        this pool.

        Args:
            tasks: What there is to do.
            window: How many tasks may have been begun and not been handed out; by default twice as many as
                the workers can be at.
            on_wait: Is called about once a second while there is nothing to hand out.

        Raises:
            ClusterError: There are no workers any more.
            Exception: What a task raised.
        """
        window = window or 2 * self._concurrency * len(self._workers)
        source, begun = iter(tasks), deque[_Job]()
        is_open = True
        while is_open or begun:
            if is_open and len(begun) < window and self._has_room():
                task = next(source, _END)
                if task is _END:
                    is_open = False
                else:
                    begun.append(_Job(task))
                    self._queue.append(begun[-1])
                    self._assign()
            elif begun and begun[0].is_over:
                job = begun[0]
                value = self._fetched(job)
                if job.is_over:
                    begun.popleft()
                    yield Done(job.task, value, job.worker)
                    self._wait(0)
            else:
                on_wait()
                self._wait(_PATIENCE)

    def close(self) -> None:
        """End all workers, whatever they are at."""
        for worker in self._workers:
            self._ray.kill(worker.actor)
        self._workers = []

    def __enter__(self) -> Pool[Task, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _started(self, number: int) -> _Worker:
        actor = self._actor_class.remote(number, str(Path.cwd()))
        return _Worker(actor, actor.load.remote(self._make))

    def _has_room(self) -> bool:
        """Whether a worker could begin one more task than those that wait."""
        free = sum(worker.has_room(self._concurrency) for worker in self._workers)
        return free > len(self._queue) + len(self._again)

    def _assign(self) -> None:
        """Give tasks that wait to workers that have room, those first that are to be alone."""
        by_load = sorted(
            (worker for worker in self._workers if worker.has_room(self._concurrency)),
            key=lambda worker: len(worker.running),
        )
        for worker in by_load[: len(self._again)]:  # those that are not idle yet get nothing until they are
            if not worker.running:
                worker.is_alone = True
                self._begin(worker, self._again.popleft())
        free = deque(worker for worker in by_load[len(self._again) :] if not worker.is_alone)
        while free and self._queue:
            worker = free.popleft()
            self._begin(worker, self._queue.popleft())
            if worker.has_room(self._concurrency):
                free.append(worker)

    def _begin(self, worker: _Worker, job: _Job) -> None:
        status, job.outcome = worker.actor.do.options(num_returns=2).remote(job.task)
        job.worker = worker.where
        worker.running[status] = job

    def _wait(self, seconds: float) -> None:
        """See what has happened, or wait until something does."""
        told = {worker.loading: worker for worker in self._workers if worker.where is None}
        told |= {status: worker for worker in self._workers for status in worker.running}
        if not told:
            return
        ready, _ = self._ray.wait([*told], num_returns=len(told), timeout=0, fetch_local=False)
        if not ready and seconds:
            ready, _ = self._ray.wait([*told], num_returns=1, timeout=seconds, fetch_local=False)
        for ref in ready:
            self._hear(told[ref], ref)
        if ready:
            self._assign()
        self._check_presence()

    def _hear(self, worker: _Worker, ref: Any) -> None:
        """Take note of something that a worker has done, or of its death."""
        if worker not in self._workers:  # it has died of another task by now
            return
        try:
            said = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
        except self._ray.exceptions.RayError:
            self._replace(worker)
            return
        if ref in worker.running:
            job = worker.running.pop(ref)
            job.is_over, worker.is_alone = True, False
        else:
            worker.where, hello = said
            self.hellos[worker.where.number] = hello
            self._failed_starts = 0

    def _replace(self, worker: _Worker) -> None:
        """Start another worker in place of one that died, whose tasks are done again.

        Raises:
            ClusterError: Workers die before they are at anything.
        """
        self.deaths += 1
        # Of several nobody knows which it was, and a machine that goes down is none of theirs.
        is_to_blame = (
            len(worker.running) == 1
            and worker.where is not None
            and self._cluster.is_alive(worker.where.node)
        )
        for job in worker.running.values():
            job.deaths += is_to_blame
            if job.deaths < _MOST_DEATHS:
                self._again.append(job)
            else:
                job.outcome, job.is_over = WorkerLostError("killed the worker that was at it, twice"), True
        if worker.where is None:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise ClusterError(
                    "the workers die while they load their models: there may not be enough memory for so many"
                )
        self._ray.kill(worker.actor)  # where it only cannot be reached
        number = self._workers.index(worker)
        self._workers[number] = self._started(number)

    def _fetched(self, job: _Job) -> Any:
        """What came of a task; where that was lost with a machine, it is to be done again."""
        if isinstance(job.outcome, WorkerLostError):
            return job.outcome
        try:
            return self._ray.get(job.outcome)
        except self._ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
        except self._ray.exceptions.RayError:
            job.is_over = False
            self._again.append(job)
            self._assign()
            return None

    def _check_presence(self) -> None:
        """Raise ClusterError if there has been no worker for long."""
        if any(worker.where is not None for worker in self._workers):
            self._last_seen = time.monotonic()
        elif time.monotonic() - self._last_seen > _LONGEST_ABSENCE:
            raise ClusterError(f"no worker could be started in {_LONGEST_ABSENCE:.0f} s: is there any room?")


def _cause(error: Any) -> BaseException:
    """What a task raised, as it raised it."""
    return error.cause if isinstance(error.cause, BaseException) else error
