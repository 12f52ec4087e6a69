"""Ctrl-C and the signals that ask a program to end, acted on at moments when they do no harm.

What an ending does depends on what the program is at. Before it works, whatever library is being imported or
model loaded, the process ends on the spot. While it works (`working`) KeyboardInterrupt is raised in the main
thread. While files are written (`uninterrupted`), that waits for the end of the block. Afterwards the program
is about to end anyway. More of them in quick succession are the same wish; one that comes a second later says
that saving takes too long, and ends the process on the spot, with nothing half-written left behind.

On the spot means `os._exit`: Python's own way out takes down the threads of libraries in the middle of their
C++, which answers with `std::terminate`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from enum import Enum, auto
from types import FrameType
from typing import NoReturn

from sav.files import remove_unfinished

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
ENDINGS = tuple(getattr(signal, name) for name in _SIGNALS if hasattr(signal, name))
# Seconds between two signals from which on the second says something new: people press Ctrl-C many times.
_SAME_WISH = 1.0


class _Phase(Enum):
    ELSEWHERE = auto()  # somebody else's program, with handlers of its own
    STARTING = auto()
    WORKING = auto()
    HOLDING = auto()
    ENDING = auto()


class _State:
    """What the program is at and what it has heard. One a process, as signals are."""

    def __init__(self) -> None:
        self.phase = _Phase.ELSEWHERE
        self.is_heard = False
        self.is_pending = False
        self.is_anything_saved = False


_state = _State()
_leaving = threading.Lock()


def heard() -> bool:
    """Whether the program was asked to end."""
    return _state.is_heard


def anything_is_saved() -> None:
    """Note that from now on there are results, which the exit status has to say however the program ends."""
    _state.is_anything_saved = True


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Have all endings come here; those that are ignored, as by `nohup`, stay ignored.

    Nothing is done outside the main thread, which alone hears signals, and inside another such block.
    """
    global _state
    if not _in_main_thread() or _state.phase is not _Phase.ELSEWHERE:
        yield
        return
    _state = _State()
    _state.phase = _Phase.STARTING
    ours = [number for number in ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, _handle) for number in ours}
    pipe_before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(pipe_before)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)
        watcher.join()
        os.close(reading)
        _state.phase = _Phase.ELSEWHERE


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Work that has something to save: in here the first ending raises KeyboardInterrupt, after it none."""
    if _state.phase is not _Phase.STARTING or not _in_main_thread():
        yield
        return
    _state.phase = _Phase.WORKING
    try:
        yield
    finally:
        _state.phase = _Phase.ENDING


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold KeyboardInterrupt back until the block is done, so that nothing in it is left half-written."""
    if not _in_main_thread() or _state.phase not in (_Phase.WORKING, _Phase.ELSEWHERE):
        yield
        return
    if _state.phase is _Phase.ELSEWHERE:
        with _held_back():
            yield
        return
    _state.phase = _Phase.HOLDING
    try:
        yield
    finally:
        _state.phase = _Phase.WORKING
        if _state.is_pending:
            _state.is_pending = False
            raise KeyboardInterrupt


@contextlib.contextmanager
def _held_back() -> Iterator[None]:
    """Hold back the endings of a program that has its own handlers."""
    held: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: held.append(number))
        for number in ENDINGS
        if signal.getsignal(number) not in (None, signal.SIG_IGN)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def leave(status: int) -> NoReturn:
    """End the program: as Python does if nobody asked for it, else on the spot."""
    if not heard():
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(status)
    _leaving.acquire()  # never released: who comes second waits for the end
    remove_unfinished()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)


def _handle(number: int, frame: FrameType | None) -> None:
    """Python's handler: in the main thread, as soon as that is not inside C code."""
    is_first, _state.is_heard = not _state.is_heard, True
    if _state.phase is _Phase.STARTING:
        _give_up()
    if is_first and _state.phase is _Phase.WORKING:
        raise KeyboardInterrupt
    if is_first and _state.phase is _Phase.HOLDING:
        _state.is_pending = True


def _watch(pipe: int) -> None:
    """See each signal at once, also while the main thread is inside C code; ends with the pipe."""
    last: float | None = None
    while number := os.read(pipe, 1):
        if number[0] not in ENDINGS:
            continue
        now = time.monotonic()
        if _state.phase is _Phase.STARTING or (last is not None and now - last > _SAME_WISH):
            _give_up()
        last = now


def _give_up() -> NoReturn:
    _leaving.acquire()
    remove_unfinished()
    what = "the rest is given up" if _state.is_anything_saved else "nothing is saved"
    # Not by print: the signal may have come in the middle of one, whose lock is held.
    with contextlib.suppress(OSError):
        os.write(2, f"\rerror: interrupted, {what}\n".encode())
    os._exit(1 if _state.is_anything_saved else 2)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
