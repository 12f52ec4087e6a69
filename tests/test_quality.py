"""README's demo commands are run as they stand, their masks and tracks held against the ground truth.

The numbers may rise, never fall.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sav.data.types import UNLABELLED
from sav.evaluate.coco import read_coco
from sav.evaluate.compare import Comparison, compare
from sav.evaluate.masks import score_masks
from tests.conftest import ROOT
from tests.test_readme import DEMO

pytestmark = pytest.mark.long

TRUTH = ROOT / "TestImages" / "ground_truth"

# Measured with the checkpoints in model/, less what another processor's rounding may move.
LEAST_PICTURE_SCORE = 0.82
LEAST_REGIONS = 150
LEAST_HOTA = 80
LEAST_VIDEO_IOU = 0.82


def run(script: str, out: Path) -> None:
    """Run README's demo command for `script`, its results going to `out`."""
    (command,) = (line for line in DEMO if f"python {script}" in line)
    words = shlex.split(re.sub(r"--save_(dir|path) \S+", lambda m: f"--save_{m[1]} {out}", command))
    subprocess.run([sys.executable, *words[1:], "--device", "cpu"], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("SegOut")
    run("seg.py", out)
    return out


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("video") / "tracked.mp4"
    run("track.py", out)
    return out


def test_the_masks_of_the_pictures_lie_on_the_objects(pictures):
    scores = score_masks(
        read_coco(pictures / "annotations" / "coco.json"), read_coco(TRUTH / "pictures.json")
    )
    print(scores.all)
    assert scores.pictures == 6
    assert scores.all.mean_iou >= LEAST_PICTURE_SCORE


def test_sam_finds_regions_that_have_no_name(pictures):
    found = read_coco(pictures / "annotations" / "coco.json").pictures.values()
    assert sum((picture.class_names == UNLABELLED).sum() for picture in found) >= LEAST_REGIONS


@pytest.fixture(scope="module")
def compared(video) -> Comparison:
    return compare(video.with_name("tracked_annotations"), TRUTH / "street.json")


def test_the_masks_of_the_video_lie_on_the_objects(compared):
    scores = compared.score_masks()
    print(scores.all)
    assert scores.pictures == 150 and not scores.pictures_without_truth
    assert scores.all.matched_iou >= LEAST_VIDEO_IOU


@pytest.mark.usefixtures("trackeval")
def test_identities_last(compared):
    score = compared.score_tracks().all
    print(score)
    assert score.hota >= LEAST_HOTA
