"""How commands end: what a user can mend is one line, what he cannot is shown whole."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from sav.commands import COMMANDS, cli
from sav.errors import DONE, FAILED, SettingError
from tests.conftest import ROOT


def ending(error: BaseException, debug: bool = False) -> int:
    def run(args: argparse.Namespace) -> int:
        raise error

    return cli.guarded(run, argparse.Namespace(debug=debug))


@pytest.mark.parametrize("error", [SettingError("conf is\n too high"), FileNotFoundError("conf is too high")])
def test_what_a_user_can_mend_is_one_line(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(error) == FAILED
    assert capsys.readouterr().err == "error: conf is too high\n"
    with pytest.raises(type(error)):
        ending(error, debug=True)


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("odd"), RuntimeError("odd")])
def test_a_fault_of_the_program_keeps_its_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(error) == FAILED
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "raise error" in said


def test_all_commands_are_reached_by_one_name() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sav", *arguments], cwd=ROOT, capture_output=True, text=True
        )

    usage = run("--help")
    assert usage.returncode == DONE
    assert all(f"  {name}" in usage.stdout for name in COMMANDS)
    assert run().returncode == FAILED
    for name in COMMANDS:
        done = run(name, "--help")
        assert (done.returncode, done.stderr) == (DONE, "")
        assert done.stdout.startswith(f"usage: python -m sav {name} ")
    wrong = run("segment")
    assert wrong.returncode == FAILED
    assert wrong.stderr == f"error: there is no command 'segment'; take {', '.join(COMMANDS)}\n"
