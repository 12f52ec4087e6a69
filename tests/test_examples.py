"""The examples are run as their first lines say: from the root, with only the requirements installed."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter

import cv2
import pytest

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
def test_the_objects_that_are_counted_are_those_that_are_there():
    rows = [line.split(maxsplit=1) for line in run("count_objects.py").splitlines()]
    counted = Counter({name: int(number) for number, name in rows})

    truth = json.loads((ROOT / "TestImages" / "ground_truth" / "street.json").read_text())
    names = {category["id"]: category["name"] for category in truth["categories"]}
    objects = {(one["track_id"], names[one["category_id"]]) for one in truth["annotations"]}
    there = Counter(name for _, name in objects)

    assert there.total() == 10
    # One person and the bicycle are each lost for a while behind others, and come back as somebody else.
    assert ((counted - there) + (there - counted)).total() <= 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_stays_short(path):
    assert len(path.read_text().splitlines()) < 60
