"""Work without models, for tests of what shares it out; imports nothing heavy, for workers start with it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


class Doubling:
    """Doubles numbers; some words make it do something else."""

    def __init__(self, marks: Path | None = None) -> None:
        self.marks = marks

    def hello(self):
        return "hello"

    def __call__(self, task):
        match task:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "die once", name:
                if not (self.marks / name).exists():
                    (self.marks / name).touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return name
            case "sleep", seconds:
                time.sleep(seconds)
                return seconds
            case "fail":
                raise ValueError("this task fails")
            case "large":
                return bytes(2 << 20)
        return 2 * task


def dies_as_it_loads():
    os.kill(os.getpid(), signal.SIGKILL)


def fails_to_load():
    raise ValueError("no such model")


def lacks_a_package():
    import no_such_package  # noqa: F401


def one_alone(marks: Path) -> Doubling:
    """There is only one such."""
    try:
        (marks / "taken").touch(exist_ok=False)
    except FileExistsError as error:
        raise FileNotFoundError("no such checkpoint") from error
    return Doubling(marks)
