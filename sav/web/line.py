"""The line for the models: one job at a time, in the order in which they came, one a visitor."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from sav.errors import SettingError
from sav.runs.events import Reached

# Jobs that may wait.
_MOST_WAITING = 100


class StoppedError(Exception):
    """A job was stopped before there was anything to keep."""


class Job:
    """Work that waits for its turn, and can be stopped by whoever asked for it.

    Attributes:
        visitor: Who asked for it.
        reached: How far it is; None before it has said so.
        result: What came of it, once it is done.
        error: What went wrong, once it is done; None if nothing did.
    """

    def __init__(self, visitor: str, work: Callable[[Job], Any]) -> None:
        """Note the work, which is called with this job so that it can tell and ask."""
        self.visitor = visitor
        self.reached: Reached | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self._work = work
        self._stopped, self._done = threading.Event(), threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody wants it to go on."""
        return self._stopped.is_set()

    @property
    def is_done(self) -> bool:
        """Whether nothing more comes of it."""
        return self._done.is_set()

    def stop(self) -> None:
        """Have it end soon."""
        self._stopped.set()

    def check(self) -> None:
        """Raise StoppedError if nobody wants the work to go on."""
        if self.is_stopped:
            raise StoppedError

    def do(self) -> None:
        """Do the work, in the thread that this is called from; an error is kept, not raised."""
        try:
            self.check()
            self.result = self._work(self)
        except BaseException as error:
            self.error = error
        finally:
            self._work = lambda job: None  # whatever it held can go
            self._done.set()


class Line:
    """Jobs that wait, and the one thread that does them."""

    def __init__(self, most: int = _MOST_WAITING) -> None:
        """Begin a line of at most so many jobs."""
        self._most = most
        self._waiting: deque[Job] = deque()
        self._current: Job | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._serve, name="models", daemon=True)
        self._thread.start()

    def join(self, job: Job) -> Job:
        """Put a job at the end of the line.

        Raises:
            SettingError: Its visitor has one in the line already, or the line is too long.
        """
        with self._changed:
            if any(one.visitor == job.visitor and not one.is_stopped for one in self._all()):
                raise SettingError("you have something at work already: wait for it, or stop it")
            if len(self._waiting) >= self._most:
                raise SettingError(f"{len(self._waiting)} others are waiting already: try again later")
            self._waiting.append(job)
            self._changed.notify()
        return job

    def ahead(self, job: Job) -> int:
        """How many jobs come before this one; 0 for one that is at work or done."""
        with self._changed:
            jobs = self._all()
            return jobs.index(job) if job in jobs else 0

    def stop(self, visitor: str) -> None:
        """Stop whatever a visitor has in the line."""
        with self._changed:
            for job in self._all():
                if job.visitor == visitor:
                    job.stop()

    def close(self, timeout: float = 10.0) -> None:
        """Stop all jobs, take no more, and wait for the thread so many seconds."""
        with self._changed:
            self._is_closed = True
            for job in self._all():
                job.stop()
            self._changed.notify()
        self._thread.join(timeout)

    def _all(self) -> list[Job]:
        return [*([self._current] if self._current else []), *self._waiting]

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                self._current = self._waiting.popleft()
            self._current.do()
