"""README's demo commands are run as they stand, once, and what they write is held against the ground truth.

The numbers may rise, never fall.
"""

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from sav.data.types import UNLABELLED
from sav.evaluate.coco import read_coco
from sav.evaluate.compare import Comparison, compare
from sav.evaluate.masks import score_masks
from sav.media.pictures import read_picture
from tests.conftest import ROOT
from tests.runs.stored_runs import seen
from tests.test_examples import objects_there
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


def test_a_run_over_pictures_writes_all_that_it_promises(pictures):
    sources = sorted((ROOT / "TestImages").glob("*.jpg"))
    kinds = ("our/{}_our.jpg", "sam/{}_sam.jpg", "mask/{}_mask.png")
    promised = [kind.format(source.stem) for source in sources for kind in kinds]
    assert sorted(seen(pictures)) == sorted(["annotations/coco.json", *promised])

    size = read_picture(sources[0]).shape
    shown = [read_picture(pictures / kind.format(sources[0].stem)) for kind in kinds]
    assert [picture.shape for picture in shown] == [size] * 3
    coco = COCO(str(pictures / "annotations" / "coco.json"))
    (number,) = (number for number, one in coco.imgs.items() if one["file_name"] == sources[0].name)
    masks = [coco.annToMask(one) for one in coco.imgToAnns[number]]
    assert (shown[2].any(axis=-1) == np.any(masks, axis=0)).all()


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


def test_the_objects_that_were_followed_are_those_that_are_there(video):
    """As examples/count_objects.py counts them, with the same settings."""
    coco = COCO(str(video.with_name("tracked_annotations") / "coco.json"))
    names: dict[int, str] = {}
    frames: Counter[int] = Counter()
    for one in sorted(coco.anns.values(), key=lambda one: one["image_id"]):
        names[one["track_id"]] = coco.cats[one["category_id"]]["name"]
        frames[one["track_id"]] += 1
    counted = Counter(names[number] for number, often in frames.items() if often >= 5)
    print(counted)

    there = objects_there()
    assert there.total() == 10
    # One person and the bicycle are each lost for a while behind others, and come back as somebody else.
    assert ((counted - there) + (there - counted)).total() <= 2
