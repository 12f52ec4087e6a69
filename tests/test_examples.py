"""The examples are run as their first lines say: from the root, with only the requirements installed."""

import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections import Counter

import cv2
import pytest

from sav import Segmenter
from tests.conftest import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(name: str, *more: str, **replaced: str) -> str:
    """Run the command in an example's docstring, with other words in place of some; returns what it says."""
    (command,) = re.findall(r"^python (examples/.*)$", (ROOT / "examples" / name).read_text(), re.M)
    words = [replaced.get(word, word) for word in shlex.split(command)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *words, *more, "--device", "cpu"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.long
def test_the_dogs_are_cut_out(tmp_path):
    said = run("cut_out_dogs.py", Dogs=str(tmp_path / "Dogs"))
    written = sorted((tmp_path / "Dogs").iterdir())
    assert written
    assert len(said.splitlines()) == len(written)
    for path in written:
        cutout = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert cutout.shape[2] == 4
        assert set(cutout[..., 3].ravel().tolist()) == {0, 255}


@pytest.mark.long
def test_a_cameras_frames_are_followed_as_they_come():
    lines = run("follow_camera.py", "--imgsz", "416", "--frames", "2").splitlines()
    seen: dict[str, set[str]] = {}
    for line in lines:
        time, told = line.split(" s: ")
        seen.setdefault(time.strip(), set()).add(told.partition(" at ")[0])
    assert list(seen) == ["0.000", "0.067"]
    assert seen["0.000"] & seen["0.067"]


def objects_there(frames: int = 150, least: int = 5) -> Counter[str]:
    """The names of the objects that the first frames of the street show at least so often."""
    truth = json.loads((ROOT / "TestImages" / "ground_truth" / "street.json").read_text())
    names = {category["id"]: category["name"] for category in truth["categories"]}
    early = {image["id"] for image in truth["images"] if image["frame_index"] < frames}
    shown = Counter(
        (one["track_id"], names[one["category_id"]])
        for one in truth["annotations"]
        if one["image_id"] in early
    )
    return Counter(name for (_, name), often in shown.items() if often >= least)


@pytest.mark.long
def test_the_objects_that_are_counted_are_those_that_are_there():
    rows = [line.split(maxsplit=1) for line in run("count_objects.py", "--end", "12").splitlines()]
    assert {name: int(number) for number, name in rows} == objects_there(12)


@pytest.mark.parametrize(
    "words",
    [
        ["count_objects.py", "gone.mp4"],
        ["cut_out_dogs.py", "gone.jpg", "Dogs"],
        ["follow_camera.py", "gone.mp4"],
    ],
)
def test_what_cannot_be_read_is_said_before_models_are_fetched(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(Segmenter, "load", lambda *files, **settings: pytest.fail("models were fetched"))
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / words[0]), run_name="__main__")
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and words[1] in line


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_stays_short(path):
    assert len(path.read_text().splitlines()) < 60
