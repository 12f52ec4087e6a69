"""What is to be done, who is at it, and which worker has least to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sav.cluster.worker import Whereabouts
from sav.errors import WorkerLostError


@dataclass(eq=False)
class Job:
    """A task, and what became of it so far.

    Attributes:
        task: It.
        deaths: How many workers died of it.
        is_over: Whether it need not be done any more.
        worker: Who has it, or had it last.
        call: With which others it was handed out last; there is none before that.
        lost: What stands for its result if no worker survived it.
    """

    task: Any
    deaths: int = 0
    is_over: bool = False
    worker: Whereabouts | None = None
    lost: WorkerLostError | None = None
    call: Call = field(init=False)


@dataclass(eq=False)
class Call:
    """Tasks that a worker was given together.

    Attributes:
        jobs: They, in the order in which they are done.
        outcome: Where Ray has what came of them.
        values: That, once it was fetched.
    """

    jobs: Sequence[Job]
    outcome: Any
    values: Sequence[Any] | None = None


@dataclass(eq=False)
class Member:
    """A worker: its actor and what it is at.

    Attributes:
        number: Its place among the workers.
        actor: Ray's handle of it.
        do: What gives it tasks.
        where: What it has said of itself; None until its models are loaded.
        running: What it is at, by what is there when that is over.
        is_alone: Whether it gets nothing besides.
    """

    number: int
    actor: Any
    do: Any
    where: Whereabouts | None = None
    running: dict[Any, Call] = field(default_factory=dict)
    is_alone: bool = False


class Roster:
    """The workers that could begin something more; goes through them from the one with least to do."""

    def __init__(self, concurrency: int) -> None:
        """Begin with none; a worker can be at `concurrency` things."""
        self._levels: list[dict[Member, None]] = [{} for _ in range(concurrency)]
        self._level_of: dict[Member, int] = {}

    def note(self, member: Member) -> None:
        """See what a worker is at now."""
        self.remove(member)
        level = len(member.running)
        if member.where is not None and not member.is_alone and level < len(self._levels):
            self._levels[level][member] = None
            self._level_of[member] = level

    def remove(self, member: Member) -> None:
        """Forget a worker."""
        level = self._level_of.pop(member, None)
        if level is not None:
            del self._levels[level][member]

    def __len__(self) -> int:
        return len(self._level_of)

    def __iter__(self) -> Iterator[Member]:
        for level in self._levels:
            yield from level
