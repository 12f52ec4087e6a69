"""How visitors are served: the models take one after the other, and each is told how it goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sav.errors import SavError, SettingError
from sav.web.line import Job, Line, StoppedError
from sav.web.result import Result
from sav.web.said import Said, how_far
from sav.web.uploads import VIDEO
from sav.wording import count

_log = logging.getLogger(__name__)

# Seconds between two looks at a job.
_LOOK = 0.2
# Pictures that are decoded at once.
_DECODED_AT_ONCE = 2


class Service:
    """Has work done, and tells a visitor how it goes; whatever goes wrong becomes one line.

    Attributes:
        line: Where those wait whose work takes the models.
    """

    def __init__(self) -> None:
        self.line = Line()
        self._hands = ThreadPoolExecutor(_DECODED_AT_ONCE, "desk")

    def close(self) -> None:
        """End all work."""
        self.line.close()
        self._hands.shutdown(cancel_futures=True)

    async def served(self, visitor: str, work: Callable[[Job], Said], result: Result) -> AsyncIterator[Said]:
        """Wait in line, then for the work, telling how it goes; who goes away takes it along."""
        try:
            job = self.line.join(Job(visitor, work))
        except SettingError as error:
            yield Said(str(error), is_error=True)
            return
        was_left = result.is_left
        try:
            async for said in self._told(job, result):
                yield replace(said, at_work=True)
        finally:
            job.stop()

        if result.is_left != was_left:  # whoever has gone on wants to see no more of it
            return
        if job.error is None:
            yield replace(job.result, at_work=False)
        else:
            said = replace(self._failed(job.error, result.upload), at_work=False)
            yield replace(said, result=result) if result.kind == VIDEO else said  # no glimpse any more

    async def _told(self, job: Job, result: Result) -> AsyncIterator[Said]:
        """How a job goes, until it is done or its visitor has gone on to something else."""
        told, glimpses, was_left = None, result.glimpses, result.is_left
        while not job.is_done and result.is_left == was_left:
            said = self._progress(job)
            is_new = result.glimpses != glimpses
            if said != told or is_new:
                yield replace(said, result=result) if is_new else said
            told, glimpses = said, result.glimpses
            await asyncio.sleep(_LOOK)

    def _progress(self, job: Job) -> Said:
        ahead = self.line.ahead(job)
        if job.is_stopped:
            return Said("stopping")
        if ahead:
            return Said(f"waiting: {count(ahead, 'job')} before yours")
        if job.reached is None:
            return Said("loading the models")
        return how_far(job.reached)

    async def answered(self, work: Callable[[], Said], path: Path) -> Said:
        """Do what needs no model, in another thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hands, work)
        except Exception as error:  # whatever a visitor's file does, the page stays up
            return self._failed(error, path)

    def _failed(self, error: BaseException, path: Path) -> Said:
        if isinstance(error, StoppedError):
            return Said("stopped")
        if isinstance(error, SavError | OSError):
            return Said(discreet(str(error), path), is_error=True)
        _log.error("a visitor's work failed", exc_info=error)
        return Said("that went wrong in a way that nobody foresaw; it is noted", is_error=True)


def discreet(line: str, path: Path) -> str:
    """A line about a visitor's file without the folders of this machine."""
    return " ".join(line.replace(str(path), path.name).replace(str(path.parent), "").split())
