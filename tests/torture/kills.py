"""Runs of the scripts that are killed or interrupted at random, each in a process, with stub models."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from sav.commands import cli
from sav.segmenter import Segmenter
from tests.conftest import DEMO_SAM, DEMO_YOLO
from tests.stubs import StubDetector, StubSam

Main = Callable[[list[str]], int]

CHECKPOINTS = ["--yolo_checkpoint", str(DEMO_YOLO), "--sam_checkpoint", str(DEMO_SAM), "--device", "cpu"]
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a run may print that nobody should see.
UGLY = ("Traceback", "terminate called", "FATAL", "Aborted", "Segmentation")
# Seconds after which a run that was asked to end, and did not, counts as deaf.
_PATIENCE = 60.0


@dataclass(frozen=True)
class End:
    """How a run came to its end.

    Attributes:
        status: What `waitpid` says.
        printed: All that it printed.
    """

    status: int
    printed: str

    @property
    def code(self) -> int | None:
        """The exit status; None if a signal ended it."""
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else None

    @property
    def fault(self) -> str:
        """What is wrong with it, if anything is."""
        ugly = [word for word in UGLY if word in self.printed]
        return f"FAULT: printed {ugly}: {self.printed[-2000:]}" if ugly else ""


def run(main: Main, arguments: list[str], log: Path, plan: Callable[[int], None], renames: int = 0) -> End:
    """Run a script in a forked process, and do to it what is planned.

    Args:
        main: The script's.
        arguments: Its command line.
        log: Where all that it prints goes.
        plan: What is done from outside, given the number of the process.
        renames: After so many files were given their name the process kills itself; 0 for never.
    """
    pid = os.fork()
    if pid == 0:
        _child(main, arguments, log, renames)
    plan(pid)
    return End(_wait(pid), log.read_text(errors="replace"))


def leave_alone(pid: int) -> None:
    """The plan of a run that is not disturbed."""


def kill_after(seconds: float) -> Callable[[int], None]:
    """The plan to kill a run, which nothing can hear."""

    def plan(pid: int) -> None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)

    return plan


def interrupt_after(seconds: float, times: int, number: int) -> Callable[[int], None]:
    """The plan to ask a run to end, several times in a row."""

    def plan(pid: int) -> None:
        time.sleep(seconds)
        for _ in range(times):
            os.kill(pid, number)
            time.sleep(0.02)

    return plan


def random_plan(random: np.random.Generator, longest: float) -> tuple[str, Callable[[int], None], int]:
    """What to do to a run: its name, the plan, and after how many renames the run kills itself."""
    kind = str(random.choice(["killed", "killed after a rename", "interrupted"]))
    seconds = float(random.uniform(0, longest))
    if kind == "killed":
        return kind, kill_after(seconds), 0
    if kind == "interrupted":
        times, number = int(random.integers(1, 4)), _SIGNALS[int(random.integers(len(_SIGNALS)))]
        return kind, interrupt_after(seconds, times, number), 0
    return kind, leave_alone, int(random.integers(1, 16))


def tree(folder: Path) -> dict[str, bytes]:
    """The files that a user sees in a folder, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


def half_files(folder: Path) -> list[str]:
    """The files under a final name that their own readers cannot read."""
    return [name for name in tree(folder) if not _is_whole(folder / name)]


def staging_left(folder: Path) -> list[str]:
    """The hidden folders that are still there after a later run."""
    return [path.name for path in folder.rglob(".*.sav-part")]


def difference(have: dict[str, bytes], want: dict[str, bytes]) -> str:
    """How two trees differ, in a line; empty if they do not."""
    names = sorted(have.keys() ^ want.keys())
    changed = sorted(name for name in have.keys() & want.keys() if have[name] != want[name])
    return f"not in both: {names}; not the same: {changed}" if names or changed else ""


def fresh(folder: Path) -> Path:
    """An empty folder in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _is_whole(path: Path) -> bool:
    try:
        if path.suffix in (".jpg", ".png"):
            return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None
        if path.suffix == ".json":
            return bool(json.loads(path.read_text()))
        if path.suffix in (".mp4", ".mov"):
            with av.open(str(path)) as container:
                return sum(1 for _ in container.decode(video=0)) > 0
        return path.stat().st_size > 0 or path.suffix == ".txt"
    except (ValueError, OSError):
        return False


class _SlowSam(StubSam):
    """Takes its time, so that a run lasts long enough to be disturbed."""

    def embed(self, images_bgr):
        time.sleep(0.02 * len(images_bgr))
        return super().embed(images_bgr)


def _child(main: Main, arguments: list[str], log: Path, renames: int) -> None:
    """Become the script: with its output in a file, stub models, and a bomb in the renaming of files."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))  # not pytest's
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Segmenter.load = classmethod(  # type: ignore[method-assign, assignment]
        lambda cls, *files, **settings: cls(StubDetector(), _SlowSam(), regions=False)
    )
    if renames:
        _kill_after_renames(renames)
    code = 70
    try:
        cli.script(lambda: main(arguments))  # as a user runs it: `main` alone leaves signals to its caller
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 71
    except KeyboardInterrupt:
        os.write(2, b"Traceback: KeyboardInterrupt left main\n")
    finally:
        os._exit(code)


def _kill_after_renames(renames: int) -> None:
    left = [renames + 1]  # an event comes before what it tells of

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _wait(pid: int) -> int:
    """How the process ended; one that does not end is killed."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]
