"""Commands as pages tell them, held against the programs that they start."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from runpy import run_module, run_path
from unittest.mock import patch

from sav.commands import COMMANDS
from tests.conftest import ROOT

# Programs of others: their flags are theirs.
FOREIGN = {"cvat-cli", "ffplay", "git", "labelme", "pre-commit", "ray", "rsync", "source", "ssh", "yolo"}
FOREIGN_MODULES = {"http.server", "mkdocs", "pip", "pytest", "venv"}
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`((?:python|pip|sav-seg|sav-track|make|tools/[\w.]+) [^`]+)`")


class Understood(Exception):  # noqa: N818 (no error)
    """A program has read its flags, and has not begun."""


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command on a page, those within sentences too; what has a gap (`...`) is none."""
    blocks = [code for language, code in _FENCE.findall(text) if language in ("", "bash", "sh", "console")]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines += [" ".join(found.split()) for found in _INLINE.findall(_FENCE.sub("", text))]
    for line in lines:
        if "..." not in line:
            parts = (shlex.split(part, comments=True) for part in line.split("&&"))
            yield from (words for words in parts if words)


def understand(words: list[str]) -> None:
    """Have the program read its flags.

    Raises:
        SystemExit: If it does not understand them.
        AssertionError: If there is no such program, file or extra.
    """
    program, *rest = words
    if program == "python":
        _understand_python(rest)
    elif program in ("sav-seg", "sav-track"):
        import_module(f"sav.commands.{program.removeprefix('sav-')}").parse(rest)
    elif program == "pip":
        _understand_pip(rest)
    elif program == "make":
        assert f"\n{rest[0]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    else:
        assert program in FOREIGN or (ROOT / program).is_file(), f"which program is {program}?"


def _understand_python(words: list[str]) -> None:
    if words[0] in ("seg.py", "track.py"):
        import_module(f"sav.commands.{words[0].removesuffix('.py')}").parse(words[1:])
    elif words[0].endswith(".py"):
        file, *flags = words
        _stopped_after_parsing(lambda: run_path(str(ROOT / file), run_name="__main__"), words[0], flags)
    elif words[:2] == ["-m", "sav"]:
        name, *flags = words[2:]
        assert name in COMMANDS
        import_module(f"sav.commands.{name}").parse(flags)
    elif words[1].startswith(("tools.", "tests.torture.")):
        module, *flags = words[1:]
        _stopped_after_parsing(lambda: run_module(module, run_name="__main__"), module, flags)
    else:
        assert words[0] == "-m" and words[1] in FOREIGN_MODULES, words


def _stopped_after_parsing(main: Callable[[], object], name: str, flags: list[str]) -> None:
    parse = argparse.ArgumentParser.parse_known_args

    def parse_alone(parser, argv=None, namespace=None):
        _, left_over = parse(parser, argv, namespace)
        if left_over:
            parser.error(f"not understood: {' '.join(left_over)}")
        raise Understood

    with (
        patch.object(argparse.ArgumentParser, "parse_known_args", parse_alone),
        patch.object(sys, "argv", [name, *flags]),
    ):
        try:
            main()
        except Understood:
            return
    raise AssertionError(f"{name} has no flags to read")


def _understand_pip(words: list[str]) -> None:
    assert words[0] in ("install", "uninstall"), words
    files = [file for flag, file in pairwise(words) if flag == "-r"]
    assert all((ROOT / file).is_file() for file in files), files
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.findall(r"(?:\.|\bsav)\[([\w,]+)\]", " ".join(words)):
        assert all(f"\n{name} = [" in project for name in extra.split(",")), extra
