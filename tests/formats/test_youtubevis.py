import contextlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.formats.conftest import NAMES, PIECES, PIXEL, RING, VIDEO


def decoded(rle) -> np.ndarray:
    if isinstance(rle["counts"], list):
        rle = coco_mask.frPyObjects(rle, *rle["size"])
    return coco_mask.decode(rle).astype(bool)


def test_a_track_is_one_entry_with_a_mask_or_nothing_for_every_frame(save, awkward_video):
    folder = save("youtubevis", awkward_video, VIDEO) / "youtubevis"
    table = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    results = json.loads((folder / "results.json").read_text())
    (video,) = table["videos"]
    assert video["length"] == len(video["file_names"]) == 4
    assert video["file_names"][0] == "street/street_000000.jpg"
    assert [category["name"] for category in table["categories"]] == list(NAMES.values())
    assert [track["id"] for track in table["annotations"]] == [3, 7, 9]  # 300 has no mask
    assert [track["category_id"] for track in table["annotations"]] == [1, 2, 2]
    masks = (RING, PIECES, PIXEL)
    for track, result, mask in zip(table["annotations"], results, masks, strict=True):
        seen = [True, True, track["id"] != 7, True]
        assert [one is not None for one in track["segmentations"]] == seen
        assert [area for area in track["areas"] if area] == [mask.sum()] * sum(seen)
        for one in filter(None, [*track["segmentations"], *result["segmentations"]]):
            assert (decoded(one) == mask).all()
    assert table["annotations"][0]["bboxes"][0] == [5, 5, 15, 15]
    assert results[0]["score"] == pytest.approx(0.9)


def test_a_tracks_class_is_the_one_it_ends_with(save, awkward_video):
    doubtful = awkward_video[0][:1]
    doubtful = replace(doubtful, objects=replace(doubtful.objects, class_ids=np.array([2])))
    folder = save("youtubevis", [doubtful, awkward_video[1][:1]], VIDEO) / "youtubevis"
    (track,) = json.loads((folder / "instances.json").read_text(encoding="utf-8"))["annotations"]
    assert track["category_id"] == 1


def test_trackeval_reads_both_files_and_finds_perfect_tracks_perfect(
    save, awkward_video, tmp_path, trackeval
):
    folder = save("youtubevis", awkward_video, VIDEO) / "youtubevis"
    truth = tmp_path / "truth" / "youtube_vis_all"
    tracker = tmp_path / "trackers" / "youtube_vis_all" / "ours" / "data"
    for place, name in ((truth, "instances.json"), (tracker, "results.json")):
        place.mkdir(parents=True)
        (folder / name).replace(place / name)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.YouTubeVIS(
            {
                "GT_FOLDER": f"{truth.parent}/",
                "TRACKERS_FOLDER": f"{tmp_path}/trackers/",
                "SPLIT_TO_EVAL": "all",
                "PRINT_CONFIG": False,
            }
        )
        for name in ("person", NAMES[1]):
            raw = dataset.get_raw_seq_data("ours", "street")
            scored = dataset.get_preprocessed_seq_data(raw, name)
            assert trackeval.metrics.HOTA().eval_sequence(scored)["HOTA"].mean() == 1.0


def test_a_video_without_objects_has_a_file_without_tracks(save, awkward_video):
    folder = save("youtubevis", [scene[:0] for scene in awkward_video], VIDEO) / "youtubevis"
    assert json.loads((folder / "instances.json").read_text(encoding="utf-8"))["annotations"] == []
    assert json.loads((folder / "results.json").read_text()) == []
