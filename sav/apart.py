"""Work in a process of its own, for what is many small steps: each of those holds Python's other threads up.

Questions go there through a pipe, and answers come back, one for each, in order. The process sees no Ctrl-C,
and ends, without a word, with the one that asks, whatever ends that: a worker of `ProcessPoolExecutor`
outlives a parent that is killed.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, Protocol

from sav.errors import WorkerLostError

# With its own paths from the start: it would look for modules in whatever folder is the current one, too.
_CODE = "import sys; sys.path[:] = {paths!r}; from sav.apart import serve; serve()"
_LENGTH = struct.Struct("<Q")


class Work(Protocol):
    """What a process does; it is pickled to get there."""

    def __call__(self, question: bytes) -> Any:
        """The answer to a pickled question, which can be pickled, too."""


@dataclass(frozen=True)
class Failure:
    """An error on its way from one process to another.

    Attributes:
        error: It.
        trace: Where it was raised.
    """

    error: Exception
    trace: str

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What can be sent of an error that is being handled."""
        try:
            error = pickle.loads(pickle.dumps(error))
        except Exception:
            error = RuntimeError(str(error))
        return cls(error, traceback.format_exc())

    def again(self) -> NoReturn:
        """Raise it here."""
        raise self.error from RuntimeError(f"in a process that helps:\n{self.trace}")


class Apart:
    """A process that does some work."""

    def __init__(self, work: Work, pass_fds: Sequence[int] = ()) -> None:
        """Start it; of this process's files it has those of `pass_fds`. `ready` says whether it can work.

        Raises:
            OSError: It cannot be started.
        """
        sent = pickle.dumps(work)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                _CODE.format(paths=[str(Path(path or ".").absolute()) for path in sys.path]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C is for who asks
        )
        try:
            self.ask(sent)
        except WorkerLostError as error:
            self.close()
            raise ChildProcessError(str(error)) from None

    @staticmethod
    def is_possible() -> bool:
        """Whether Python can be started again here; a program that was bundled with it would start itself."""
        return os.name == "posix" and bool(sys.executable) and not hasattr(sys, "frozen")

    def ready(self) -> bool:
        """Whether it can work; to be asked once, before the first answer. If not it is over."""
        try:
            self.answer()
        except WorkerLostError:
            self.close()
            return False
        return True

    def ask(self, question: bytes) -> None:
        """Send a pickled question.

        Raises:
            WorkerLostError: The process is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_LENGTH.pack(len(question)))
            self._process.stdin.write(question)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None

    def answer(self) -> Any:
        """The answer to the first question that has none yet; what its work raised is raised here.

        Raises:
            WorkerLostError: The process is gone.
        """
        assert self._process.stdout is not None
        answer = _read(self._process.stdout)
        if answer is None:
            raise self._lost()
        found = pickle.loads(answer)
        if isinstance(found, Failure):
            found.again()
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _lost(self) -> WorkerLostError:
        status = self._process.wait()
        return WorkerLostError(
            f"a process that helps has ended with status {status}; run again with --resume"
        )


def serve() -> NoReturn:
    """Do the work that comes at the standard input, until it ends; nobody is told of an end in the middle."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nobody prints among the answers
    try:
        work: Work = pickle.loads(_read(asked) or b"")
        _write(answers, pickle.dumps(None))
        while (question := _read(asked)) is not None:
            _write(answers, _answer(work, question))
    except BaseException:
        os._exit(1)
    os._exit(0)


def _answer(work: Work, question: bytes) -> bytes:
    try:
        return pickle.dumps(work(question), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        return pickle.dumps(Failure.of(error))


def _read(pipe: BinaryIO | Any) -> bytes | None:
    """What was written at the other end; None if that has ended, or ends in the middle."""
    length = pipe.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(length)
    found: bytes = pipe.read(size)
    return found if len(found) == size else None


def _write(pipe: BinaryIO | Any, what: bytes) -> None:
    rest = memoryview(_LENGTH.pack(len(what)) + what)
    while rest:
        rest = rest[pipe.write(rest) :]
