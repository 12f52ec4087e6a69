"""README's demo commands are run as they stand, their masks and tracks held against the ground truth.

The numbers may rise, never fall.
"""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.conftest import ROOT
from tests.test_readme import DEMO
from tools.world.score import mean_score, object_scores, report

pytestmark = pytest.mark.long

TRUTH = ROOT / "TestImages" / "ground_truth"

# Measured with the checkpoints in model/, less what another processor's rounding may move.
LEAST_PICTURE_SCORE = 0.82
LEAST_REGIONS = 150
LEAST_HOTA = 0.80
LEAST_VIDEO_IOU = 0.82


def run(script: str, out: Path) -> None:
    """Run README's demo command for `script`, its results going to `out`."""
    (command,) = (line for line in DEMO if f"python {script}" in line)
    words = shlex.split(re.sub(r"--save_(dir|path) \S+", lambda m: f"--save_{m[1]} {out}", command))
    subprocess.run([sys.executable, *words[1:], "--device", "cpu"], cwd=ROOT, check=True)


def load(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def objects(coco: COCO, image_id: int) -> list[dict]:
    found = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
    return [item for item in found if coco.cats[item["category_id"]]["name"] != "unlabelled"]


def best_ious(truth: list[dict], found: list[dict]) -> np.ndarray:
    """For each true mask its best IoU with any found one."""
    if not found:
        return np.zeros(len(truth))
    masks = [[item["segmentation"] for item in side] for side in (truth, found)]
    return coco_mask.iou(*masks, [0] * len(found)).max(axis=1)


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
    scores = object_scores(load(pictures / "annotations" / "coco.json"), load(TRUTH / "pictures.json"))
    print(report(scores))
    assert mean_score(scores) >= LEAST_PICTURE_SCORE


def test_sam_finds_regions_that_have_no_name(pictures):
    found = load(pictures / "annotations" / "coco.json")
    (unlabelled,) = found.getCatIds(catNms=["unlabelled"])
    assert len(found.getAnnIds(catIds=[unlabelled])) >= LEAST_REGIONS


def test_the_masks_of_the_video_lie_on_the_objects(video):
    truth = load(TRUTH / "street.json")
    found = load(video.with_name("tracked_annotations") / "coco.json")
    truth_ids, found_ids = sorted(truth.getImgIds()), sorted(found.getImgIds())
    assert len(found_ids) == len(truth_ids)
    ious = np.concatenate(
        [
            best_ious(objects(truth, one), objects(found, other))
            for one, other in zip(truth_ids, found_ids, strict=True)
        ]
    )
    matched = ious[ious >= 0.5]
    print(f"mean IoU of matched objects {matched.mean():.3f}, recall {len(matched) / len(ious):.3f}")
    assert matched.mean() >= LEAST_VIDEO_IOU


def test_identities_last(video, tmp_path, trackeval):
    found = video.with_name("tracked_annotations") / "mot.txt"
    hota = hota_of(trackeval, found, TRUTH / "street.json", tmp_path)
    print(f"HOTA {hota:.3f}")
    assert hota >= LEAST_HOTA


def hota_of(trackeval: ModuleType, result: Path, truth: Path, folder: Path) -> float:
    """HOTA of a MOTChallenge file against COCO ground truth with track ids, by TrackEval."""
    coco = load(truth)
    frames = {image_id: number for number, image_id in enumerate(sorted(coco.getImgIds()), start=1)}
    rows = [
        f"{frames[item['image_id']]},{item['track_id']},{','.join(map(str, item['bbox']))},1,-1,-1,-1"
        for item in coco.anns.values()
    ]
    sequence = folder / "gt" / "MOT15-train" / "street"
    tracker = folder / "trackers" / "MOT15-train" / "ours" / "data"
    (sequence / "gt").mkdir(parents=True)
    tracker.mkdir(parents=True)
    (sequence / "gt" / "gt.txt").write_text("\n".join(rows) + "\n")
    (sequence / "seqinfo.ini").write_text(f"[Sequence]\nname=street\nseqLength={len(frames)}\n")
    (tracker / "street.txt").write_text(result.read_text())
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(folder / "gt"),
                "TRACKERS_FOLDER": str(folder / "trackers"),
                "BENCHMARK": "MOT15",
                "SEQ_INFO": {"street": len(frames)},
                "DO_PREPROC": False,
            }
        )
        loaded = dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("ours", "street"), "pedestrian")
        scores = trackeval.metrics.HOTA().eval_sequence(loaded)
    return float(scores["HOTA"].mean())
