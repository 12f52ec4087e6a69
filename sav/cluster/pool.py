"""Workers that hold models: tasks go to them as they get free, results come back in order.

Results that wait are kept by Ray, on disk where there are many.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Generic, TypeVar

from sav.cluster.bundling import Bundling
from sav.cluster.connection import Cluster
from sav.cluster.failures import meaning
from sav.cluster.placing import Share
from sav.cluster.roster import Job
from sav.cluster.staff import Staff
from sav.cluster.worker import Done, Whereabouts, Work

Task = TypeVar("Task")
Result = TypeVar("Result")

# Seconds after which a wait looks around; and between two looks while there is something to hand out, since
# each costs as much as there are workers.
_PATIENCE, _BETWEEN_LOOKS = 1.0, 0.01


class Pool(Generic[Task, Result]):
    """Some workers; a context manager.

    A worker that dies is replaced, on whatever machine has room, and what it was at is done again, each task
    now alone on a worker: one that kills two workers which are at nothing else is given up. A machine that
    goes down is nobody's fault.
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
        self._ray, self._concurrency = cluster.ray, concurrency
        self._staff = Staff(cluster, share, make, concurrency)
        self._bundling = Bundling()
        self._queue: deque[Job] = deque()  # waits for a worker
        self._again: deque[Job] = deque()  # waits for a worker that has nothing else
        self._last_look = 0.0

    @property
    def hellos(self) -> dict[int, Any]:
        """What each worker has said of itself when its models were loaded, by its number."""
        return self._staff.hellos

    @property
    def workers(self) -> list[Whereabouts]:
        """Those whose models are loaded."""
        return self._staff.ready

    @property
    def deaths(self) -> int:
        """How many workers have died."""
        return self._staff.deaths

    def ready(self, number: int = 1) -> Any:
        """Wait for so many workers; returns what the first has said of itself.

        Raises:
            ClusterError: The workers die as they start, or none can be placed.
            Exception: What made the models.
        """
        while len(self.hellos) < number:
            self._look(_PATIENCE)
        return next(iter(self.hellos.values()))

    def ordered(
        self,
        tasks: Iterable[Task],
        window: int | None = None,
        on_wait: Callable[[], None] = lambda: None,
        bundled: bool = False,
    ) -> Iterator[Done[Task, Result]]:
        """Yield what comes of each task, in their order, while the workers are at those that follow.

        `tasks` is asked for no more than fit into the window, and may itself go through another `ordered` of
        this pool.

        Args:
            tasks: What there is to do.
            window: How many tasks may have been begun and not been handed out; by default twice as many as
                the workers can be at.
            on_wait: Is called before each wait because there is nothing to hand out, about once a second.
            bundled: Let tasks travel together where hundreds a second are done, and ask for so many at once.

        Raises:
            ClusterError: There are no workers any more, or Ray has no room.
            Exception: What a task raised.
        """
        source, begun = iter(tasks), deque[Job]()
        is_open = True
        while is_open or begun:
            size = self._bundling.size if bundled else 1
            most = window or 2 * self._concurrency * len(self._staff) * size
            if is_open and len(begun) < most and self._has_room():
                wanted = min(size, most - len(begun))
                jobs = [Job(task) for task in islice(source, wanted)]
                is_open = len(jobs) == wanted
                begun += jobs
                self._queue += jobs
                self._assign()
            elif begun and begun[0].is_over:
                value = self._fetched(begun[0])
                if begun[0].is_over:
                    job = begun.popleft()
                    # A call and its jobs know each other: results would stay until that circle is found.
                    del job.call
                    yield Done(job.task, value, job.worker)
                    if time.monotonic() - self._last_look > _BETWEEN_LOOKS:
                        self._look(0)
            elif not self._look(0):
                on_wait()
                self._look(_PATIENCE)

    def close(self) -> None:
        """End all workers, whatever they are at."""
        self._staff.close()

    def __enter__(self) -> Pool[Task, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _has_room(self) -> bool:
        """Whether a worker could begin one more task than those that wait."""
        return len(self._staff.roster) > len(self._queue) + len(self._again)

    def _assign(self) -> None:
        """Give tasks that wait to workers that have room, those first that are to be alone."""
        held = list(islice(self._staff.roster, len(self._again)))
        for member in held:  # those that are not idle yet get nothing until they are
            if not member.running:
                self._staff.begin(member, [self._again.popleft()], alone=True)
        while self._queue:
            free = next((member for member in self._staff.roster if member not in held), None)
            if free is None:
                break
            number = min(len(self._queue), self._bundling.size)
            self._staff.begin(free, [self._queue.popleft() for _ in range(number)])

    def _look(self, seconds: float) -> bool:
        """See all that has happened, or wait for the first thing that does; whether a task is over."""
        done, again = self._staff.look(seconds)
        self._bundling.add(done)
        self._again += again
        if self._queue or self._again:
            self._assign()
        self._last_look = time.monotonic()
        return done > 0

    def _fetched(self, job: Job) -> Any:
        """What came of a task; where that was lost with a machine, its whole call is to be done again."""
        if job.lost is not None:
            return job.lost
        call = job.call
        if call.values is None:
            try:
                call.values, call.outcome = self._ray.get(call.outcome), None
            except self._ray.exceptions.RayTaskError as error:
                raise meaning(error) from error
            except self._ray.exceptions.RayError:
                for one in call.jobs:
                    one.is_over = False
                self._again += call.jobs
                self._assign()
                return None
        return call.values[call.jobs.index(job)]
