"""One side of a comparison in a process of its own: it gets a case ready, runs it when told, and answers."""

from __future__ import annotations

import multiprocessing
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

from tools.bench.case import Case, Task
from tools.bench.measure import Sample, measured
from tools.bench.options import Options

OURS, THEIRS = "ours", "theirs"


class SideError(Exception):
    """A side failed; the message is its traceback."""


def stage_module(name: str) -> ModuleType:
    """The module of a stage; see tools/bench/stages for what is in it."""
    return import_module(f"tools.bench.stages.{name}")


class Runner:
    """Does the work of one side of a stage in this process."""

    def __init__(self, stage: str, side: str, options: Options) -> None:
        self._make_task = getattr(stage_module(stage), side)
        self._options = options
        self._task: Task | None = None
        self._result: Any = None

    def prepare(self, case: Case) -> None:
        """Load models and inputs."""
        self._result = self._task = None
        self._task = self._make_task(self._options, case)

    def run(self) -> Sample:
        """Do the work once."""
        assert self._task, "prepare comes before run"
        self._result = None
        sample, self._result = measured(self._task.run)
        return sample

    def evidence(self) -> Any:
        """What the last run gave, in the form that the sides are compared by."""
        assert self._task, "prepare comes before evidence"
        return self._task.evidence(self._result)


class Side:
    """A `Runner` in a fresh process, so that neither side sees the other's memory, threads or settings."""

    def __init__(self, stage: str, side: str, options: Options) -> None:
        context = multiprocessing.get_context("spawn")
        self._calls, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, stage, side, options))
        self._process.start()
        theirs.close()

    def begin(self, method: str, *arguments: Any) -> None:
        """Call a method of the runner without waiting for it."""
        self._calls.send((method, arguments))

    def finish(self) -> Any:
        """Wait for the call that was begun, and give its result.

        Raises:
            SideError: If it failed.
        """
        try:
            error, result = self._calls.recv()
        except EOFError:
            self._process.join()
            raise SideError(f"the process ended with status {self._process.exitcode}") from None
        if error:
            raise SideError(error)
        return result

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method of the runner and wait for its result."""
        self.begin(method, *arguments)
        return self.finish()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def _serve(calls: Connection, stage: str, side: str, options: Options) -> None:
    runner: Runner | None = None
    while True:
        try:
            method, arguments = calls.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            runner = runner or Runner(stage, side, options)
            calls.send(("", getattr(runner, method)(*arguments)))
        except Exception:
            calls.send((traceback.format_exc(), None))
