"""Trials run in a process that is watched for crashes, hangs and memory, from outside."""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# What a trial may do: return how it went, in a word or two, or raise what users are told in one line.
Trial = Callable[[int, int, Path], str]
_TOLD = (ValueError, OSError)


@dataclass(frozen=True)
class Limits:
    """What one trial may take.

    Attributes:
        cpu_seconds: Of computing, so that a busy machine is no fault.
        seconds: By the clock, for what waits for ever.
        memory_mib: Resident, in all.
    """

    cpu_seconds: float = 20.0
    seconds: float = 240.0
    memory_mib: float = 3072.0


@dataclass
class Tally:
    """What came of many trials.

    Attributes:
        outcomes: How often each.
        faults: What should not be, by the trial's number.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)

    def add(self, number: int, outcome: str) -> None:
        """Note how a trial went."""
        is_fault = outcome.startswith("FAULT")
        self.outcomes["fault" if is_fault else outcome] += 1
        if is_fault:
            self.faults[number] = outcome

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        return f"{self.outcomes.total()} trials: {counts}"


def torture(
    trial: Trial,
    seed: int,
    folder: Path,
    count: int | None = None,
    seconds: float | None = None,
    limits: Limits = Limits(),
    first: int = 0,
) -> Tally:
    """Run trials one after the other until there were `count`, or until `seconds` have passed."""
    tally, end = Tally(), None if seconds is None else time.monotonic() + seconds
    number, worker = first, None
    try:
        while (count is None or number < first + count) and (end is None or time.monotonic() < end):
            worker = worker or _Worker(trial, seed, folder)
            outcome = worker.run(number, limits)
            tally.add(number, outcome)
            if worker.is_gone:
                worker = None
            number += 1
    finally:
        if worker is not None:
            worker.end()
    return tally


class _Worker:
    """A forked process that runs trials by number."""

    def __init__(self, trial: Trial, seed: int, folder: Path) -> None:
        to_child, self._requests = os.pipe()
        self._answers, from_child = os.pipe()
        self.is_gone = False
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._requests)
            os.close(self._answers)
            _serve(trial, seed, folder, to_child, from_child)
        os.close(to_child)
        os.close(from_child)
        os.set_blocking(self._answers, False)
        self._process = psutil.Process(self._pid)

    def run(self, number: int, limits: Limits) -> str:
        """How a trial went; after a crash or a kill the worker is gone."""
        os.write(self._requests, struct.pack("<q", number))
        begin, cpu = time.monotonic(), self._cpu_seconds()
        while True:
            answer = self._answer()
            if answer is not None:
                return answer
            status = self._ended()
            if status is not None:
                return f"FAULT: the process ended with {_reason(status)}"
            problem = self._beyond(limits, begin, cpu)
            if problem:
                self.end()
                return f"FAULT: {problem}"
            select.select([self._answers], [], [], 0.002 if time.monotonic() - begin < 0.5 else 0.05)

    def end(self) -> None:
        """Kill it, and let go of it."""
        if not self.is_gone:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._close()

    def _answer(self) -> str | None:
        try:
            head = os.read(self._answers, 4)
        except BlockingIOError:
            return None
        if len(head) < 4:
            return None
        (length,) = struct.unpack("<i", head)
        os.set_blocking(self._answers, True)
        content = b""
        while len(content) < length:
            content += os.read(self._answers, length - len(content))
        os.set_blocking(self._answers, False)
        return str(pickle.loads(content))

    def _ended(self) -> int | None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return None
        self._close()
        return status

    def _close(self) -> None:
        self.is_gone = True
        os.close(self._requests)
        os.close(self._answers)

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _beyond(self, limits: Limits, begin: float, cpu: float) -> str:
        try:
            used, resident = self._cpu_seconds() - cpu, self._process.memory_info().rss / 2**20
        except psutil.Error:
            return ""
        if used > limits.cpu_seconds:
            return f"more than {limits.cpu_seconds:.0f} s of computing"
        if time.monotonic() - begin > limits.seconds:
            return f"more than {limits.seconds:.0f} s"
        return f"more than {limits.memory_mib:.0f} MiB" if resident > limits.memory_mib else ""


def _reason(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status >> 8}"


def _serve(trial: Trial, seed: int, folder: Path, requests: int, answers: int) -> None:
    """The child: run what is asked for until nobody asks any more."""
    while True:
        asked = os.read(requests, 8)
        if len(asked) < 8:
            os._exit(0)
        (number,) = struct.unpack("<q", asked)
        answer = pickle.dumps(_outcome(trial, seed, number, folder))
        os.write(answers, struct.pack("<i", len(answer)) + answer)


def _outcome(trial: Trial, seed: int, number: int, folder: Path) -> str:
    try:
        return trial(seed, number, folder)
    except _TOLD as error:
        lines = len(str(error).splitlines())
        return "refused" if lines == 1 else f"FAULT: {lines} lines of {type(error).__name__}: {error}"
    except BaseException:
        return f"FAULT: {traceback.format_exc()}"
