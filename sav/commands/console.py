"""What the scripts say, on streams that may be closed, full or unread: work never ends for their sake."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TextIO, cast

from tqdm import tqdm

from sav.wording import count

# Seconds between two lines about the progress where there is no terminal to draw a bar on.
_LINE_INTERVAL = 15.0
# Notes of one kind that are told before they are only counted.
_MOST_NOTES = 5


def tell(text: object) -> None:
    """One line on stdout."""
    print(text, flush=True)


def tell_error(error: object) -> None:
    """One line on stderr."""
    tqdm.write(f"error: {' '.join(str(error).split())}", file=sys.stderr)


def tell_note(text: object) -> None:
    """One line on stderr about what is no error, but worth knowing."""
    tqdm.write(f"note: {' '.join(str(text).split())}", file=sys.stderr)


@contextlib.contextmanager
def log_lines() -> Iterator[None]:
    """Show what the library logs as notes."""
    logger, handler = logging.getLogger("sav"), _Notes()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        handler.close()
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Notes(logging.Handler):
    """Tells a few of each kind of message, and at the end how many more there were."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._kinds: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        kind = str(record.msg)
        self._kinds[kind] += 1
        if self._kinds[kind] <= _MOST_NOTES:
            tell_note(record.getMessage())

    def close(self) -> None:
        for kind, number in self._kinds.items():
            if number > _MOST_NOTES:
                more = re.sub(r"%\S", "...", kind)
                tell_note(f"{count(number - _MOST_NOTES, 'more note')} like this: {more}")
        self._kinds.clear()
        super().close()


class Progress:
    """How far a run is: a bar on a terminal, elsewhere a line now and then. May be told from any thread."""

    def __init__(self) -> None:
        """Show nothing before there is something to show."""
        self._bar: tqdm[Any] | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self._begun = self._said = time.monotonic()
        self._before = 0.0

    def reach(
        self, position: float, total: int | None, unit: str, name: str = "", before: float = 0.0
    ) -> None:
        """Tell how far a run is.

        Args:
            position: So far.
            total: Of so many; None if nobody knows.
            unit: What is counted.
            name: That of the item.
            before: How much of that earlier runs did: the pace is that of the others.
        """
        with self._lock:
            if self._is_closed:
                return
            bar = self._bar_for(position, total, unit, before)
            if not bar.disable:
                bar.set_postfix_str(name, refresh=False)
                bar.update(max(0, round(position, 2) - bar.n))
            elif time.monotonic() - self._said >= _LINE_INTERVAL:
                self._said = time.monotonic()
                seconds = self._said - self._begun
                meter = tqdm.format_meter(
                    round(position, 1), total or 0, seconds, 0, unit=unit, initial=before
                )
                print(f"{meter.strip()} {name}".strip(), file=sys.stderr)

    def _bar_for(self, position: float, total: int | None, unit: str, before: float) -> tqdm[Any]:
        """The bar, whose clock starts when this run begins to do something itself."""
        more, self._before = before - self._before, before
        if self._bar is None or (more and position <= before):
            if self._bar is not None:
                self._bar.leave = False
                self._bar.close()
            self._bar = _bar(total, unit, position)
            self._begun = self._said = time.monotonic()
        elif more and not self._bar.disable:
            jump = min(more, max(0, position - self._bar.n))
            self._bar.n += jump
            self._bar.last_print_n += jump
            self._bar.initial = before
        return self._bar

    def close(self) -> None:
        """Leave the bar as it is and go to the next line."""
        with self._lock:
            self._is_closed = True
            if self._bar is not None:
                self._bar.close()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _bar(total: int | None, unit: str, initial: float) -> tqdm[Any]:
    """A bar, switched off where there is no terminal."""
    width = _terminal_width()
    # Of a terminal that does not know its size, tqdm takes none for its size.
    shape = {"dynamic_ncols": True} if width else {"ncols": 80, "nrows": 24}
    return tqdm(total=total, unit=unit, initial=initial, disable=width is None, **shape)


def _terminal_width() -> int | None:
    """The columns of the terminal that stderr is, 0 where it does not know them; None if it is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 0


@contextlib.contextmanager
def steady_streams() -> Iterator[SteadyStream]:
    """Have nothing that is printed fail: what cannot be said is left unsaid, and the work goes on.

    Yields:
        What standard output is meanwhile.
    """
    _open_standard_descriptors()
    before = sys.stdout, sys.stderr
    stdout, stderr = (SteadyStream(stream) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, stdout), cast(TextIO, stderr)
    try:
        yield stdout
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def _open_standard_descriptors() -> None:
    """Put the null device where a standard stream is closed, lest the next opened file be taken for it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


class SteadyStream:
    """A text stream that is given up when it can no longer be written.

    Attributes:
        has_failed: Whether something was left unsaid that somebody may have waited for.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """Write to `stream`; None is a stream that was closed from the start."""
        self._stream = stream
        self.has_failed = False

    def write(self, text: str) -> int:
        """Write `text` if that can be done."""
        try:
            if self._stream is not None:
                self._stream.write(text)
        except UnicodeEncodeError as error:
            self.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except (OSError, ValueError) as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what was kept back, if that can be done."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: Exception) -> None:
        """Send to the null device what is still in the buffer, since Python tries once more at its end."""
        stream, self._stream = self._stream, None
        with contextlib.suppress(OSError, ValueError, AttributeError):
            descriptor = cast(TextIO, stream).fileno()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)
            # Nobody who closes a pipe wants to hear of it; a full disk is another matter.
            if isinstance(error, OSError) and error.errno != errno.EPIPE:
                self.has_failed = True
                if descriptor == 1:
                    tell_error(f"standard output cannot be written: {error.strerror}")
