"""What runs in a worker's process: it makes its models once, and does task after task with them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sav.cluster.versions import difference, versions
from sav.errors import ClusterError

Task = TypeVar("Task")
Result = TypeVar("Result")
Task_in = TypeVar("Task_in", contravariant=True)
Result_out = TypeVar("Result_out", covariant=True)


class Work(Protocol[Task_in, Result_out]):
    """What a worker does; made in its process, by a function that can be pickled, and kept there.

    Several tasks may be at work in threads at once, see `Pool`.
    """

    def hello(self) -> Any:
        """What is to be known of this worker before it gets a task."""

    def __call__(self, task: Task_in) -> Result_out:
        """Do one task; what it raises ends the run."""


@dataclass(frozen=True)
class Whereabouts:
    """Which worker it is.

    Attributes:
        number: Its place among the workers, from 0; who comes in place of one that died has its number.
        host: The address of its machine.
        node: The name of that machine's node in the cluster.
        pid: Its process there.
        gpu: The number of its GPU there; empty on a CPU.
    """

    number: int
    host: str
    node: str
    pid: int
    gpu: str = ""

    def __str__(self) -> str:
        return f"{self.host} GPU {self.gpu}" if self.gpu else f"{self.host} process {self.pid}"


@dataclass(frozen=True)
class Done(Generic[Task, Result]):
    """A task that is over.

    Attributes:
        task: It.
        value: What came of it; an error if no worker survived it.
        worker: Who did it last; None if its result was that nobody survived it.
    """

    task: Task
    value: Result | Exception
    worker: Whereabouts | None


class Actor:
    """The actor around a `Work`; its constructor does nothing that can fail."""

    def __init__(self, number: int, folder: str) -> None:
        """Be worker `number`, in the driver's working folder where there is one like it."""
        self._number = number
        with contextlib.suppress(OSError):
            os.chdir(folder)

    def load(self, driver: Mapping[str, str], made: Sequence[Any]) -> tuple[Whereabouts, Any]:
        """Make the models; returns who this is, and what the work says of itself.

        Args:
            driver: The versions that the driver has.
            made: Where Ray has what makes the work; in a list, so that it is not unpacked too early.

        Raises:
            ClusterError: Versions differ.
        """
        import ray

        where = self._whereabouts()
        other = difference(driver, versions())
        if other:
            raise ClusterError(
                f"{where.host} has {other} as the machine that hands out the work: give all the same versions"
            )
        make: Callable[[], Work[Any, Any]] = ray.get(made[0])
        self._work = make()
        return where, self._work.hello()

    def do(self, tasks: Sequence[Any]) -> tuple[None, list[Any]]:
        """Do some tasks; that they are done, and what came of them, which is fetched when it is wanted."""
        return None, [self._work(task) for task in tasks]

    def _whereabouts(self) -> Whereabouts:
        import ray

        context = ray.get_runtime_context()
        gpus = context.get_accelerator_ids().get("GPU", [])
        return Whereabouts(
            self._number,
            ray.util.get_node_ip_address(),
            context.get_node_id(),
            os.getpid(),
            ",".join(map(str, gpus)),
        )
