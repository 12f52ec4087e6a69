"""The workers themselves: they are started, given tasks, heard, and replaced when they die.

Ray places them, carries tasks and results, and says who died. What it does not know is which task is to blame
for a death: that is counted here.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sav.cluster.connection import Cluster
from sav.cluster.failures import DiedAtStartError, meaning, meaning_at_start
from sav.cluster.placing import Share
from sav.cluster.roster import Call, Job, Member, Roster
from sav.cluster.versions import versions
from sav.cluster.worker import Actor, Whereabouts
from sav.errors import ClusterError, SavError, WorkerLostError

_log = logging.getLogger(__name__)

# A task that so many workers died of, with nothing else to do, is given up.
_MOST_DEATHS = 2
# Workers that die one after the other before their models are loaded: then there is something else.
_MOST_FAILED_STARTS = 3
# Seconds for which there may be no worker.
_LONGEST_ABSENCE = 1800.0


class Staff:
    """Some workers; one that cannot be made ready is left out, as long as there are others.

    Attributes:
        roster: Those of them that could begin something more.
        hellos: What each has said of itself when its models were loaded, by its number.
        deaths: How many have died.
    """

    def __init__(self, cluster: Cluster, share: Share, make: Callable[[], Any], concurrency: int) -> None:
        """Start them; see `Pool`."""
        self.roster = Roster(concurrency)
        self.hellos: dict[int, Any] = {}
        self.deaths = 0
        self._cluster, self._ray = cluster, cluster.ray
        self._versions, self._make = versions(), self._ray.put(make)
        self._actor_class = self._ray.remote(Actor).options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            max_restarts=0,
            max_concurrency=concurrency,
            enable_task_events=False,  # nobody looks at them, and each costs about as much as a task
        )
        self._failed_starts: Counter[int] = Counter()
        self._left_out: list[str] = []
        self._last_seen = time.monotonic()
        self._awaited: dict[Any, Member] = {}
        self._members: dict[int, Member] = {}
        for number in range(share.workers):
            self._start(number)

    def __len__(self) -> int:
        return len(self._members)

    @property
    def ready(self) -> list[Whereabouts]:
        """Those whose models are loaded."""
        return [member.where for member in self._members.values() if member.where is not None]

    def begin(self, member: Member, jobs: Sequence[Job], alone: bool = False) -> None:
        """Give a worker something to do, perhaps nothing else meanwhile.

        Raises:
            ClusterError: Ray has no room for it.
        """
        try:
            status, outcome = member.do.remote([job.task for job in jobs])
        except self._ray.exceptions.RayError as error:
            raise meaning(error) from error
        call = Call(jobs, outcome)
        for job in jobs:
            job.call, job.worker = call, member.where
        member.running[status], member.is_alone = call, alone
        self._awaited[status] = member
        self.roster.note(member)

    def look(self, seconds: float) -> tuple[int, list[Job]]:
        """See all that has happened, or wait some seconds for the first thing that does.

        Returns:
            How many tasks are over, and those that are to be done again, each alone on a worker.

        Raises:
            ClusterError: There are no workers any more, or there has been none for long.
            Exception: What a task raised, or what made the models.
        """
        ready = self._ready(seconds)
        done, again = 0, list[Job]()
        for ref, said in zip(ready, self._said(ready), strict=True):
            member = self._awaited.pop(ref, None)
            if member is None:  # it has died of another task by now
                continue
            if member.where is None:
                self._hear_first(member, said)
            elif not isinstance(said, self._ray.exceptions.RayError):
                done += self._hear(member, ref)
            elif isinstance(said, self._ray.exceptions.RayTaskError):
                raise meaning(said) from said
            else:
                again += self._replace(member)
        self._check_presence()
        return done, again

    def close(self) -> None:
        """End all, whatever they are at."""
        for member in self._members.values():
            self._ray.kill(member.actor)
        self._members.clear()
        self._awaited.clear()

    def _start(self, number: int) -> None:
        actor = self._actor_class.remote(number, str(Path.cwd()))
        loading = actor.load.remote(self._versions, [self._make])
        self._members[number] = Member(number, actor, actor.do.options(num_returns=2))
        self._awaited[loading] = self._members[number]

    def _ready(self, seconds: float) -> list[Any]:
        """Those of what is awaited that are there: all at once, or the first within some seconds."""
        refs = [*self._awaited]
        if not refs:
            return []
        number = 1 if seconds else len(refs)
        ready: list[Any] = self._ray.wait(refs, num_returns=number, timeout=seconds, fetch_local=False)[0]
        return ready

    def _said(self, refs: list[Any]) -> list[Any]:
        """What is there; an error stands for itself."""
        try:
            said: list[Any] = self._ray.get(refs)
            return said
        except self._ray.exceptions.RayError as error:
            return [error] if len(refs) == 1 else [one for ref in refs for one in self._said([ref])]

    def _hear_first(self, member: Member, said: Any) -> None:
        """A worker has its models, or could not get them."""
        if isinstance(said, self._ray.exceptions.RayError):
            self._fail(member, meaning_at_start(said))
            return
        member.where, hello = said
        first = next(iter(self.hellos.values()), hello)
        if hello != first:
            self._leave_out(
                member,
                ClusterError(
                    f"{member.where} has other models or settings than the first worker: give all machines"
                    " the same checkpoints and versions"
                ),
            )
            return
        self.hellos[member.number] = first
        self._failed_starts.pop(member.number, None)
        self.roster.note(member)

    def _hear(self, member: Member, ref: Any) -> int:
        """A worker has done something; returns how many tasks."""
        call = member.running.pop(ref)
        member.is_alone = False
        for job in call.jobs:
            job.is_over = True
        self.roster.note(member)
        return len(call.jobs)

    def _fail(self, member: Member, reason: BaseException) -> None:
        """Start a worker again that died before it was ready, or leave it out.

        Raises:
            Exception: What nobody foresaw; or what keeps the last one from its work.
        """
        if not isinstance(reason, SavError | OSError):
            raise reason
        if isinstance(reason, DiedAtStartError):
            self.deaths += 1
            self._failed_starts[member.number] += 1
            failed = self._failed_starts
            failures = failed[member.number] if self._is_anybody_there else failed.total()
            if failures < _MOST_FAILED_STARTS:
                self._restart(member)
                return
            if not self._is_anybody_there:
                raise reason
        self._leave_out(member, reason)

    def _leave_out(self, member: Member, reason: BaseException) -> None:
        self._forget(member)
        if not self._members:
            raise reason
        self._left_out.append(f"worker {member.number + 1} is left out: {reason}")

    def _replace(self, member: Member) -> list[Job]:
        """Start another worker in place of one that died; returns what is to be done again."""
        self.deaths += 1
        jobs = [job for call in member.running.values() for job in call.jobs]
        # Of several nobody knows which it was, and a machine that goes down is none of theirs.
        if len(jobs) == 1 and member.where is not None and self._cluster.is_alive(member.where.node):
            jobs[0].deaths += 1
            if jobs[0].deaths >= _MOST_DEATHS:
                jobs[0].lost = WorkerLostError("killed the worker that was at it, twice")
                jobs[0].is_over = True
        self._restart(member)
        return [job for job in jobs if not job.is_over]

    def _restart(self, member: Member) -> None:
        self._forget(member)
        self._start(member.number)

    def _forget(self, member: Member) -> None:
        for ref in member.running:
            self._awaited.pop(ref, None)
        self.roster.remove(member)
        del self._members[member.number]
        self._ray.kill(member.actor)  # where it only cannot be reached

    @property
    def _is_anybody_there(self) -> bool:
        return any(member.where is not None for member in self._members.values())

    def _check_presence(self) -> None:
        """Raise ClusterError if there has been no worker for long; else say who is left out."""
        if self._is_anybody_there:
            self._last_seen = time.monotonic()
            while self._left_out:
                _log.warning("%s", self._left_out.pop(0))
        elif time.monotonic() - self._last_seen > _LONGEST_ABSENCE:
            raise ClusterError(f"no worker could be started in {_LONGEST_ABSENCE:.0f} s: is there any room?")
