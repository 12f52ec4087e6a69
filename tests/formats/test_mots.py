import contextlib
import io

import numpy as np
from pycocotools import mask as coco_mask

from tests.formats.conftest import NAMES, PIECES, PIXEL, RING, VIDEO


def rows(path):
    return [line.split(" ") for line in path.read_text().splitlines()]


def decoded(row) -> np.ndarray:
    rle = {"size": [int(row[3]), int(row[4])], "counts": row[5].encode("ascii")}
    return coco_mask.decode(rle).astype(bool)


def test_masks_survive_and_an_empty_one_has_no_line(save, awkward_video):
    folder = save("mots", awkward_video, VIDEO) / "mots"
    first = [row for row in rows(folder / "kitti.txt") if row[0] == "0"]
    assert [row[1:3] for row in first] == [["3", "2"], ["7", "101"], ["9", "101"]]
    assert all((decoded(row) == mask).all() for row, mask in zip(first, (RING, PIECES, PIXEL), strict=True))
    assert (folder / "classes.txt").read_text().splitlines() == ["2 person", f"101 {NAMES[1]}", "1 car"]


def test_kitti_counts_from_zero_and_the_challenge_from_one(save, awkward_video):
    folder = save("mots", awkward_video, VIDEO) / "mots"
    zero, one = rows(folder / "kitti.txt"), rows(folder / "challenge.txt")
    assert [[str(int(row[0]) + 1), *row[1:]] for row in zero] == one
    assert {row[0] for row in one} == {"1", "2", "3", "4"}


def test_a_pixel_belongs_to_the_smallest_object_on_it(save, make_scene):
    large, small = np.ones((40, 60), bool), RING
    scene = make_scene(np.stack([large, small, small]), categories=NAMES, is_tracked=True)
    found = rows(save("mots", [scene], VIDEO) / "mots" / "kitti.txt")
    masks = [decoded(row) for row in found]
    assert [row[1] for row in found] == ["1", "3"]  # the second is covered by its twin
    assert (masks[0] == (large & ~small)).all()
    assert (masks[1] == small).all()


def evaluate(trackeval, dataset_name, folder, file, settings, class_name):
    """HOTA of the file against itself."""
    text = (folder / file).read_text()
    tracker = folder / "trackers" / settings.pop("folder") / "ours" / "data"
    tracker.mkdir(parents=True)
    truth = folder / "truth"
    (truth / "video" / "gt").mkdir(parents=True)
    (truth / "video" / "gt" / "gt.txt").write_text(text)
    (tracker / "video.txt").write_text(text)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = getattr(trackeval.datasets, dataset_name)(
            {
                "GT_FOLDER": str(truth),
                "TRACKERS_FOLDER": str(tracker.parent.parent),
                "SEQ_INFO": {"video": 4},
                "GT_LOC_FORMAT": "{gt_folder}/{seq}/gt/gt.txt",
                "PRINT_CONFIG": False,
                **settings,
            }
        )
        raw = dataset.get_raw_seq_data("ours", "video")
        scored = dataset.get_preprocessed_seq_data(raw, class_name)
        return scored, trackeval.metrics.HOTA().eval_sequence(scored)["HOTA"].mean()


def test_trackeval_reads_the_challenge_file(save, awkward_video, trackeval):
    folder = save("mots", awkward_video, VIDEO) / "mots"
    settings = {"folder": "", "SKIP_SPLIT_FOL": True}
    found, score = evaluate(trackeval, "MOTSChallenge", folder, "challenge.txt", settings, "pedestrian")
    assert score == 1.0
    assert found["num_gt_dets"] == 4


def test_trackeval_reads_the_kitti_file(save, awkward_video, trackeval):
    folder = save("mots", awkward_video, VIDEO) / "mots"
    settings = {"folder": "", "CLASSES_TO_EVAL": ["pedestrian"]}
    found, score = evaluate(trackeval, "KittiMOTS", folder, "kitti.txt", settings, "pedestrian")
    assert score == 1.0
    assert found["num_gt_dets"] == 4
