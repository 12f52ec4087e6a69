"""A parser of command lines that answers a slip with one line that says what to write."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

# The exit status of a command line that cannot be understood.
_FAILED = 2
# What pages and word processors make of `--`.
_DASHES = "-–—−"
# Characters of a value that a message repeats.
_SHOWN = 40
_YES_OR_NO = ("true", "false", "yes", "no", "on", "off", "1", "0")
# argparse's own words, and better ones.
_REWORDED = (
    (r"expected one argument", "needs a value"),
    (r"expected at least one argument", "needs at least one value"),
    (r"ignored explicit argument .*", "takes no value"),
)


class Parser(argparse.ArgumentParser):
    """Knows what people mean by what they type.

    Attributes:
        main_flag: The flag that a path without one is meant for.
    """

    def __init__(self, *, main_flag: str, **settings: Any) -> None:
        super().__init__(formatter_class=_Help, **settings)
        self.main_flag = main_flag

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def, override]
        """Parse, and explain what is left over."""
        parsed, extra = self.parse_known_args(args, namespace)
        if extra:
            self.error(self._explain(extra))
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print one line and leave with status 2."""
        for theirs, ours in _REWORDED:
            message = re.sub(theirs, ours, message)
        self.exit(_FAILED, f"error: {' '.join(message.split())} (see --help)\n")

    def _explain(self, extra: Sequence[str]) -> str:
        flags = {option.lstrip("-"): option for action in self._actions for option in action.option_strings}
        bare = {word: word.lstrip(_DASHES).partition("=")[0].replace("-", "_") for word in extra}
        for word in extra:
            if bare[word] in flags:
                return f"'{word}' is not understood; did you mean {flags[bare[word]]}?"
        for word in extra:
            close = difflib.get_close_matches(bare[word], flags, n=1)
            if word[:1] in _DASHES and close:
                return f"there is no flag '{word}'; did you mean {flags[close[0]]}?"
        return _explain_word(shorten(extra[0]), self.main_flag)


class Several(argparse.Action):
    """Keeps the values of a flag that takes several, between blanks or commas, in one list.

    Of a flag with `nargs="+"` and a type that `listed` makes; one that is given again adds to it.
    """

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, flag: Any = None) -> None:
        """Add the values."""
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), *chain.from_iterable(values)])


class _Help(argparse.HelpFormatter):
    """Help with room for the longest flag."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)


def _explain_word(word: str, main_flag: str) -> str:
    if word[:1] in _DASHES:
        return f"there is no flag '{word}'"
    if word.lower() in _YES_OR_NO:
        return f"'{word}' belongs to no flag: those that are either on or off take no value"
    if Path(word).suffix or Path(word).exists() or "/" in word:
        meant = f"{main_flag} {word}? (names with spaces go in quotes)"
        return f"'{word}' belongs to no flag; did you mean {meant}"
    return f"'{word}' belongs to no flag; names with spaces go in quotes"


def shorten(text: str) -> str:
    """Of what a user typed as much as fits into a message."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        argparse.ArgumentTypeError: If it is none; the message says what to write.
    """
    number = _number(text)
    if 0 <= number <= 1:
        return float(number)
    hint = f"; {number.normalize():f} % is {(number / 100).normalize():f}" if 1 < number <= 100 else ""
    raise argparse.ArgumentTypeError(f"{shorten(text)} is not between 0 and 1{hint}")


def above_zero(text: str) -> float:
    """A number above 0, and not infinite.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    number = float(_number(text))
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{shorten(text)} is not above 0, or too large")
    return number


def whole(least: int, most: int) -> Callable[[str], int]:
    """A type for whole numbers from `least` to `most`."""

    def parse(text: str) -> int:
        number = _number(text)
        if number != number.to_integral_value():
            raise argparse.ArgumentTypeError(f"{shorten(text)} is not a whole number")
        if number < least:
            raise argparse.ArgumentTypeError(f"{shorten(text)} is too small: {least} is the least")
        if number > most:
            raise argparse.ArgumentTypeError(f"{shorten(text)} is too large: {most} is the most")
        return int(number)

    return parse


def listed(parse: Callable[[str], T]) -> Callable[[str], list[T]]:
    """A type for values between commas, each as `parse` takes it."""

    def parse_each(text: str) -> list[T]:
        words = [word for word in text.split(",") if word.strip()]
        return [parse(word) for word in words or [text]]

    return parse_each


def one_of(names: Sequence[str], also: dict[str, str] | None = None) -> Callable[[str], str]:
    """A type for one of several names, whatever its capitals; `also` says what other words stand for."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word in names:
            return word
        close = difflib.get_close_matches(word, names, n=1)
        meant = (also or {}).get(word) or (close[0] if close else "")
        hint = f"; did you mean {meant}?" if meant else ""
        raise argparse.ArgumentTypeError(f"'{shorten(text)}' is none of {', '.join(names)}{hint}")

    return parse


def place(text: str) -> str:
    """The path of a file or folder; `~` is the user's own folder, which no shell puts in after a `=`.

    Raises:
        argparse.ArgumentTypeError: If it is empty.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give a path")
    with contextlib.suppress(RuntimeError):  # there is no such user
        return str(Path(text).expanduser()) if text.startswith("~") else text
    return text


def _number(text: str) -> Decimal:
    """The number that is written in `text`, exactly, however large it is.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    word = text.strip()
    if not word:
        raise argparse.ArgumentTypeError("is empty; give a number")
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"'{shorten(text)}' is not a number{_repaired(word)}") from None
    if not number.is_finite():
        raise argparse.ArgumentTypeError(f"'{shorten(text)}' is not a number")
    return number


def _repaired(word: str) -> str:
    """What somebody meant who wrote a comma, a percent sign, or a unit."""
    if re.fullmatch(r"\d+,\d+", word):
        return f"; write {word.replace(',', '.')}"
    if match := re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?) ?%", word):
        return f"; write {(Decimal(match[1]) / 100).normalize():f}"
    if match := re.match(r"\d+", word):
        return f"; write a number alone, such as {match[0]}" if len(match[0]) < _SHOWN else ""
    return ""
