"""Work in a process of its own, for what is many small steps: each of those holds Python's other threads up.

Questions go there through a pipe, and answers come back, one for each, in order. The process sees no Ctrl-C,
and ends with the one that asks, whatever ends that.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from sav.errors import WorkerLostError

# With its own paths from the start: it would look for modules in whatever folder is the current one, too.
_CODE = "import sys; sys.path[:] = {paths!r}; from sav.apart import serve; serve()"


class Work(Protocol):
    """What a process does; it is pickled to get there."""

    def __call__(self, asked: BinaryIO) -> Any:
        """Read a question, and answer it with something that can be pickled."""


class Apart:
    """A process that does some work."""

    def __init__(self, work: Work, pass_fds: Sequence[int] = ()) -> None:
        """Start it; of this process's files it has those of `pass_fds`.

        Raises:
            OSError: It cannot be started.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE.format(paths=[path or str(Path.cwd()) for path in sys.path])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C is for who asks
        )
        self.ask(pickle.dumps(work))

    @staticmethod
    def is_possible() -> bool:
        """Whether Python can be started again here; a program that was bundled with it would start itself."""
        return os.name == "posix" and bool(sys.executable) and not hasattr(sys, "frozen")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ask(self, question: bytes) -> None:
        """Send a pickled question.

        Raises:
            WorkerLostError: The process is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None

    def answer(self) -> Any:
        """The answer to the first question that has none yet.

        Raises:
            WorkerLostError: The process is gone.
        """
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            raise self._lost() from None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _lost(self) -> WorkerLostError:
        status = self._process.wait()
        return WorkerLostError(
            f"a process that helps has ended with status {status}; run again with --resume"
        )


def serve() -> None:
    """Do the work that comes at the standard input, until it ends."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nobody prints among the answers
    work: Work = pickle.load(asked)
    while asked.peek(1):
        pickle.dump(work(asked), answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()
