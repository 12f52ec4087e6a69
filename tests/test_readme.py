"""README is true: its commands name flags and defaults that exist, its links lead somewhere."""

import re
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from sav.commands import COMMANDS as COMMANDS_OF_SAV
from sav.commands import seg, track
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```bash\n(.*?)```", README, re.S) for line in block.splitlines()]
PYTHON = [command.split("&& ")[-1] for command in COMMANDS]
DEMO = [command for command in PYTHON if "model/demo_sam.pth" in command]
DEFAULT = [command for command in PYTHON if "sam_vit_h" in command]


@pytest.mark.parametrize("command", DEFAULT)
def test_a_command_that_is_called_the_default_is_the_default(command):
    _, script, *flags = shlex.split(command)
    parse = {"seg.py": seg.parse, "track.py": track.parse}[script]
    assert parse(flags) == parse([])


@pytest.mark.parametrize("command", [command for command in PYTHON if command.startswith("python -m sav ")])
def test_the_commands_that_go_back_over_a_run_are_understood(command):
    name, *flags = shlex.split(command)[3:]
    assert name in COMMANDS_OF_SAV
    import_module(f"sav.commands.{name}").parse(flags)


def test_the_first_two_commands_run_the_main_job_and_the_tests():
    assert PYTHON[0].startswith("python seg.py --img_path TestImages")
    assert PYTHON[1] == "python -m pytest"
    assert all(command.startswith("pip install -r requirements") for command in COMMANDS[:2])


def test_the_flags_in_the_table_are_those_of_both_scripts():
    named = set(re.findall(r"^\| `(--\w+)`", README, re.M))
    for script in ("seg.py", "track.py"):
        usage = subprocess.run(
            [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert named <= set(re.findall(r"--\w+", usage))


def test_the_defaults_in_the_table_are_those_of_the_scripts():
    table = dict(re.findall(r"^\| `--(\w+)` \|.*\| (.*) \|$", README, re.M))
    for name in ("device", "precision", "conf", "iou", "imgsz", "max_det", "duplicate_iou"):
        of_pictures, _, of_video = table[name].strip("`").partition(", video ")
        for parse, told in ((seg.parse, of_pictures), (track.parse, of_video or of_pictures)):
            assert str(getattr(parse([]), name)) == told, name


@pytest.mark.long
def test_the_python_code_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 15


def test_every_file_that_is_linked_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
