import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tools.training.boxes import Boxes
from tools.training.listing import Truth
from tools.training.scoring import Found, score


def made_up(random, pictures=6, classes=5):
    """True boxes of some classes, of the last of them none, and boxes found near them and elsewhere."""
    rows = []
    for place in range(pictures):
        count = int(random.integers(0, 6))
        corner, side = random.uniform(0, 60, (count, 2)), random.uniform(4, 140, (count, 2))
        ids = random.integers(0, classes - 1, count)
        rows.append(
            (
                f"{place}",
                (200, 200),
                Boxes.from_xywh(np.hstack([corner, side]), ids, random.random(count) < 0.2),
            )
        )
    truth = Truth.of(rows)
    near = truth.boxes.xyxy + random.normal(0, 4, truth.boxes.xyxy.shape)
    corner, side = random.uniform(0, 60, (9, 2)), random.uniform(4, 140, (9, 2))
    xyxy = np.vstack([near, np.hstack([corner, corner + side])]).astype(np.float32)
    places = np.concatenate([truth.pictures, random.integers(0, pictures, 9)])
    ids = np.concatenate([truth.boxes.class_ids, random.integers(0, classes, 9)])
    return truth, Found(places, xyxy, ids, random.random(len(ids)).astype(np.float32))


def all_at_once(truth, found, classes):
    """The same by pycocotools in one piece."""

    def table(places, xyxy, ids, **more):
        return [
            {
                "id": number,
                "image_id": int(place),
                "category_id": int(one),
                "bbox": [float(x0), float(y0), float(x1) - float(x0), float(y1) - float(y0)],
                "area": (float(x1) - float(x0)) * (float(y1) - float(y0)),
                "iscrowd": 0,
                **{name: values[number - 1].item() for name, values in more.items()},
            }
            for number, (place, (x0, y0, x1, y1), one) in enumerate(zip(places, xyxy, ids, strict=True), 1)
        ]

    both = (
        table(
            truth.pictures,
            truth.boxes.xyxy,
            truth.boxes.class_ids,
            iscrowd=truth.boxes.are_crowds.astype(int),
        ),
        table(found.pictures, found.xyxy, found.class_ids, score=found.scores),
    )
    with contextlib.redirect_stdout(io.StringIO()):
        cocos = []
        for annotations in both:
            coco = COCO()
            coco.dataset = {
                "images": [{"id": place} for place in range(len(truth.names))],
                "categories": [{"id": number} for number in range(classes)],
                "annotations": annotations,
            }
            coco.createIndex()
            cocos.append(coco)
        evaluation = COCOeval(*cocos, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("seed", range(4))
def test_class_by_class_is_what_pycocotools_says_of_all_at_once(seed):
    truth, found = made_up(np.random.default_rng(seed))
    measures, by_class = score(found, truth, 5)
    theirs = all_at_once(truth, found, 5)
    assert list(measures.values()) == pytest.approx(theirs.stats.tolist(), abs=1e-9)
    for number in range(5):
        precision = theirs.eval["precision"][:, :, number, 0, -1]
        if (precision > -1).any():
            assert by_class[number] == pytest.approx(precision[precision > -1].mean())
        else:
            assert number not in by_class


def test_nothing_found_is_zero_and_nothing_to_find_is_unknown():
    truth, found = made_up(np.random.default_rng(0))
    nothing = Found(found.pictures[:0], found.xyxy[:0], found.class_ids[:0], found.scores[:0])
    assert score(nothing, truth, 5)[0]["AP"] == 0
    empty = Truth.of([("a", (9, 9), Boxes.none())])
    assert score(found, empty, 5) == (dict.fromkeys(score(found, empty, 5)[0], -1.0), {})
