import io
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sav.commands.cli import script
from sav.commands.console import Progress, log_lines, steady_streams, tell, tell_error
from sav.errors import DONE, FAILED
from tests.conftest import ROOT


def outcome(code: str, shell: str) -> subprocess.CompletedProcess[str]:
    """Run a program as a shell does; `{}` in `shell` stands for it."""
    script = "from sav.commands.console import *\nwith steady_streams():\n" + textwrap.indent(
        textwrap.dedent(code), "    "
    )
    command = shell.format('"$PYTHON" -c "$SCRIPT"')
    environment = {**os.environ, "PYTHON": sys.executable, "SCRIPT": script}
    return subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)


WORK = """
    for _ in range(10000):
        tell("a long line that fills every buffer")
        tell_error("another")
    open(WHERE, "w").write("whole")
"""


@pytest.mark.parametrize(
    "shell",
    ["{} | true", "{} | head -1", "{} 2>&1 | true", "{} >&-", "{} 2>&-", "{} >&- 2>&- <&-", "{} >/dev/full",
     "{} 2>/dev/full", "{} >/dev/full 2>&1", "{} >/dev/full | true"],
)  # fmt: skip
def test_work_goes_on_whatever_becomes_of_the_streams(shell, tmp_path):
    place = tmp_path / "result"
    done = outcome(WORK.replace("WHERE", repr(str(place))), f"set -o pipefail; {shell}")
    assert done.returncode == 0
    assert place.read_text() == "whole"
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_full_disk_under_stdout_is_said_once():
    done = outcome("tell('x')\ntell('y')", "{} >/dev/full")
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize("command", ["", " --help", " seg --help", " track --version"])
def test_help_that_cannot_be_written_is_one_line_and_a_failure(command):
    words = f"{sys.executable} -m sav{command}"
    done = subprocess.run(f"{words} >/dev/full", shell=True, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"
    assert subprocess.run(f"{words} | true", shell=True, cwd=ROOT, stderr=subprocess.PIPE).stderr == b""


def test_only_a_command_that_says_all_it_does_fails_with_its_words(monkeypatch):
    def main() -> int:
        tell("x")
        return DONE

    def status(**more: bool) -> object:
        with pytest.raises(SystemExit) as ended, Path("/dev/full").open("w") as full:
            monkeypatch.setattr(sys, "stdout", full)
            script(main, **more)
        return ended.value.code

    assert (status(), status(is_all_said=True)) == (DONE, FAILED)


def test_a_file_is_not_taken_for_a_closed_stream(tmp_path):
    place = tmp_path / "result"
    code = f"""
        import os
        with open({str(place)!r}, "w") as file:
            os.write(1, b"stray")
            os.write(2, b"stray")
            file.write("whole")
    """
    assert outcome(code, "{} >&- 2>&-").returncode == 0
    assert place.read_text() == "whole"


def test_names_that_cannot_be_encoded_are_shown_all_the_same(monkeypatch):
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    with steady_streams():
        tell("犬 and \udcff")
    assert ascii_only.buffer.getvalue() == b"\\u72ac and \\udcff\n"


def test_an_error_is_one_line(capsys):
    tell_error("first\nsecond")
    assert capsys.readouterr().err == "error: first second\n"


def test_a_log_gets_a_line_now_and_then_and_no_bar(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("sav.commands.console.time.monotonic", lambda: now[0])
    with Progress() as progress:
        progress.reach(0, 6, "picture", "a.jpg")
        for step in range(600):
            now[0] += 0.1
            progress.reach(step / 100, 6, "picture", "a.jpg")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0].startswith("25% 1.5/6 [00:15<00:45")
    assert said[0].endswith("a.jpg")


def test_what_earlier_runs_did_is_no_part_of_the_pace(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("sav.commands.console.time.monotonic", lambda: now[0])
    with Progress() as progress:
        progress.reach(0, 1000, "picture")
        now[0] = 100
        progress.reach(900, 1000, "picture", before=900)
        for position, before in ((910, 900), (960, 940)):  # of the last 50 only 10 are new
            now[0] += 20
            progress.reach(position, 1000, "picture", before=before)
    rates = [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()]
    assert rates == ["2.00s/picture]", "2.00s/picture]"]


def test_a_bar_begins_with_what_earlier_runs_did(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        for position, before in ((0, 0), (5, 5), (6, 5), (9, 7)):
            progress.reach(position, 10, "video", before=before)
        assert (progress._bar.n, progress._bar.initial) == (9, 7)
    assert "6/10" not in terminal.getvalue().split("9/10")[1]


def test_a_terminal_gets_a_bar_that_moves_within_an_item(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # of unknown width
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        progress.reach(0, 2, "picture", "a.jpg")
        progress._bar.mininterval = 0
        progress.reach(0.5, 2, "picture", "a.jpg")
    assert " 25%|" in terminal.getvalue()
    assert "a.jpg" in terminal.getvalue()


def test_what_the_library_logs_is_a_note_and_much_of_a_kind_is_counted(capsys):
    log = logging.getLogger("sav.media")
    with log_lines():
        log.info("downloading %s", "a")
        log.debug("a detail")
        for number in range(20):
            log.warning("packet %d cannot be decoded", number)
    log.warning("nobody shows this as a note")
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["note: downloading a", "note: packet 0 cannot be decoded"]
    assert said[-1] == "note: 15 more notes like this: packet ... cannot be decoded"
    assert len(said) == 7
