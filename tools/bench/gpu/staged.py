"""Stages one after the other in one process, each with a time limit; one that fails is a row."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from tools.bench.gpu.lab import Settings
from tools.bench.gpu.sheet import Figure
from tools.bench.report import last_line


@dataclass
class Staged:
    """A process that keeps its models from stage to stage; it is started anew after one that did not end."""

    settings: Settings
    _worker: tuple[BaseProcess, Connection] | None = field(default=None, init=False)

    def figures(self, stage: str, limit: float) -> Iterator[Figure]:
        """The rows of a stage as they are measured; one more if it fails or takes over `limit` seconds."""
        process, calls = self._worker = self._worker or self._started()
        until = time.monotonic() + limit
        with contextlib.suppress(BrokenPipeError):
            calls.send(stage)
        while calls.poll(max(0.0, until - time.monotonic())):
            try:
                figure = calls.recv()
            except EOFError:
                process.join()
                self.close()
                yield Figure(stage, note=f"failed: the process ended with status {process.exitcode}")
                return
            if figure is None:
                return
            yield figure
        self.close()
        yield Figure(stage, note=f"failed: it took longer than {limit:.0f} s")

    def close(self) -> None:
        """End the process, and what it has started."""
        if self._worker is None:
            return
        process, _ = self._worker
        self._worker = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()
        process.join()

    def _started(self) -> tuple[BaseProcess, Connection]:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.settings))
        process.start()
        theirs.close()
        return process, ours


def _serve(calls: Connection, settings: Settings) -> None:
    """Run the stages that are called for until nobody calls any more."""
    os.setsid()
    lab = settings.lab()
    while True:
        try:
            stage = calls.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            for figure in import_module(f"tools.bench.gpu.stages.{stage}").figures(lab):
                calls.send(figure)
        except Exception:
            with settings.log.open("a") as file:
                traceback.print_exc(file=file)
            calls.send(Figure(stage, note=f"failed: {last_line(traceback.format_exc())}"))
        lab.free()
        calls.send(None)
