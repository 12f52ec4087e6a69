"""README is true: its commands name flags and defaults that exist, its links lead somewhere, recipes run."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from importlib import import_module
from pathlib import Path

import cv2
import pytest

from sav import Segmenter
from sav.commands import seg, track
from sav.media.pictures import read_picture, write_picture
from tests import markdown
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT
from tests.media.videos import make_video

README = (ROOT / "README.md").read_text(encoding="utf-8")
FLAGS = (ROOT / "docs" / "flags.md").read_text(encoding="utf-8")
COMMANDS = markdown.commands(README)
PYTHON = [command.split("&& ")[-1] for command in COMMANDS]
DEMO = [command for command in PYTHON if "model/demo_sam.pth" in command]
DEFAULT = [command for command in PYTHON if "sam_vit_h" in command]
RECIPES = markdown.commands(README.partition("## Ten recipes")[2].partition("\n## ")[0])
# Recipes that ask for what is not here: a camera, text models, a cluster, labels.
ELSEWHERE = re.compile(r"--video_path (0|rtsp:)|--workers|--cluster|--words|-m tools\.")


def program(command: str) -> tuple[str, list[str]]:
    """The module of `sav.commands` that a command runs, and what it is given."""
    words = shlex.split(command)
    if words[1:3] == ["-m", "sav"]:
        return words[3], words[4:]
    return words[1].removesuffix(".py"), words[2:]


@pytest.mark.parametrize("command", DEFAULT)
def test_a_command_that_is_called_the_default_is_the_default(command):
    name, flags = program(command)
    parse = {"seg": seg.parse, "track": track.parse}[name]
    assert parse(flags) == parse([])


def test_the_first_two_commands_run_the_main_job_and_the_tests():
    assert PYTHON[0].startswith("python seg.py --img_path TestImages")
    assert PYTHON[1] == "python -m pytest"
    assert all(command.startswith("pip install -r requirements") for command in COMMANDS[:2])


def test_there_are_ten_recipes_with_commands_or_code():
    titles = re.findall(r"^### (\d+)\. ", README, re.M)
    assert titles == [str(number) for number in range(1, 11)]
    for recipe in re.split(r"^### \d+\. .*$", README, flags=re.M)[1:]:
        assert markdown.blocks(recipe)


@pytest.fixture
def at_a_users(tmp_path, monkeypatch) -> Path:
    """A folder with what the recipes take for given, small."""
    street = read_picture(ROOT / "TestImages" / "dogs.jpg")
    for folder, name in (("photos", "dogs.jpg"), ("TestImages", "clear.jpg")):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / name, cv2.resize(street, None, fx=0.4, fy=0.4))
    make_video(tmp_path, "video.mp4", count=2, size_hw=(60, 80))
    make_video(tmp_path / "TestImages", "street.mp4", count=6, size_hw=(60, 80), rate=Fraction(4))
    (tmp_path / "model").symlink_to(ROOT / "model")
    (tmp_path / "FineTuned").mkdir()
    shutil.copy(DEMO_YOLO, tmp_path / "FineTuned" / "yolov8m-finetuned.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def with_demo_checkpoints(name: str, flags: Sequence[str]) -> list[str]:
    """The same, with the demo checkpoints in place of official ones, on the CPU."""
    models = {"--sam_checkpoint": DEMO_SAM, "--yolo_checkpoint": DEMO_YOLO, "--device": "cpu"}
    taken = models if name in ("seg", "track") else {}
    return [*flags, *(str(word) for pair in taken.items() if pair[0] not in flags for word in pair)]


@pytest.mark.long
def test_the_recipes_run_one_after_another(at_a_users, capsys):
    for command in RECIPES:
        if not ELSEWHERE.search(command):
            name, flags = program(command)
            main: Callable[[Sequence[str]], int] = import_module(f"sav.commands.{name}").main
            assert main(with_demo_checkpoints(name, flags)) == 0, capsys.readouterr().err

    written = {path.relative_to(at_a_users).as_posix() for path in at_a_users.rglob("*")}
    told = re.findall(r"`((?:Labelled|cut_ann|counted_ann|people_r)\S+)`", README)
    assert told
    assert set(told) <= written


def test_the_flags_in_the_table_are_those_of_both_scripts():
    named = set(re.findall(r"^\| `(--\w+)`", FLAGS, re.M))
    assert len(named) > 20
    for script in ("seg.py", "track.py"):
        usage = subprocess.run(
            [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        assert named <= set(re.findall(r"--\w+", usage))


def test_the_defaults_in_the_table_are_those_of_the_scripts():
    table = dict(re.findall(r"^\| `--(\w+)` \|.*\| (.*) \|$", FLAGS, re.M))
    for name in ("device", "precision", "conf", "iou", "imgsz", "max_det", "duplicate_iou"):
        of_pictures, _, of_video = table[name].strip("`").partition(", video ")
        for parse, told in ((seg.parse, of_pictures), (track.parse, of_video or of_pictures)):
            assert str(getattr(parse([]), name)) == told, name


@pytest.mark.long
@pytest.mark.usefixtures("at_a_users")
def test_the_python_code_runs(monkeypatch, capsys):
    monkeypatch.setattr(Segmenter, "load", partial(Segmenter.load, regions=False))  # much sooner
    (code,) = markdown.blocks(README, "python")
    exec(compile(code, "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_every_file_that_is_linked_is_there():
    links = [link.partition("#")[0] for link in markdown.links(README)]
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
