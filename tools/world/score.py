"""Scores what seg.py wrote for the sample pictures against their ground truth: one number to hold."""

import argparse
import sys
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

TRUTH = Path(__file__).parents[2] / "TestImages" / "ground_truth" / "pictures.json"


def object_scores(found: COCO, truth: COCO) -> dict[str, list[float]]:
    """For every true object the IoU of the found mask of its class that fits best, listed by class name.

    A found mask serves one true object; the best pairs are made first. An object without a mask scores 0.
    """
    images = {image["file_name"]: image["id"] for image in found.dataset["images"]}
    scores: dict[str, list[float]] = {}
    for image in truth.dataset["images"]:
        for category in truth.dataset["categories"]:
            name = category["name"]
            wanted = _masks(truth, image["id"], name)
            offered = _masks(found, images.get(image["file_name"], -1), name)
            scores.setdefault(name, []).extend(_best_pairs(wanted, offered))
    return scores


def _masks(coco: COCO, image: int, name: str) -> list[dict[str, object]]:
    categories = coco.getCatIds(catNms=[name])
    annotations = coco.getAnnIds(imgIds=[image], catIds=categories) if categories else []
    return [coco.annToRLE(a) for a in coco.loadAnns(annotations)]


def _best_pairs(wanted: list[dict[str, object]], offered: list[dict[str, object]]) -> list[float]:
    if not wanted or not offered:
        return [0.0] * len(wanted)
    iou = np.asarray(coco_mask.iou(wanted, offered, [0] * len(offered)))
    scores = np.zeros(len(wanted))
    for _ in range(min(iou.shape)):
        i, j = np.unravel_index(iou.argmax(), iou.shape)
        scores[i] = max(scores[i], iou[i, j])
        iou[i], iou[:, j] = -1, -1
    return scores.tolist()


def report(scores: dict[str, list[float]]) -> str:
    """The scores as text: each class, then all objects."""
    lines = [f"{name:8} {np.mean(v):.3f}  ({len(v)} objects)" for name, v in scores.items() if v]
    return "\n".join([*lines, f"{'all':8} {mean_score(scores):.3f}"])


def mean_score(scores: dict[str, list[float]]) -> float:
    """The mean over all objects."""
    return float(np.mean([v for group in scores.values() for v in group]))


def main() -> int:
    """Prints the scores; 1 if the mean over all objects is too low."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("found", type=Path, help="annotations/coco.json as written by seg.py")
    parser.add_argument("--truth", type=Path, default=TRUTH)
    parser.add_argument("--at_least", type=float, default=0.0, help="fail below this mean over all objects")
    args = parser.parse_args()
    scores = object_scores(COCO(args.found), COCO(args.truth))
    print(report(scores))
    return int(mean_score(scores) < args.at_least)


if __name__ == "__main__":
    sys.exit(main())
