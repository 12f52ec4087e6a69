import contextlib
import io
from dataclasses import replace

import numpy as np

from sav.formats.target import Target
from sav.runs.saving import Annotations
from tests.formats.conftest import VIDEO


def write(path, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    with Annotations(["mot"], Target(path.parent / "written", {0: "person"}, VIDEO)) as annotations:
        for index, scene in enumerate(frames):
            annotations.write(replace(scene, frame=replace(scene.frame, index=index)))
    (path.parent / "written" / "mot.txt").replace(path)


def with_scores_of_one(scene):
    """Ground truth: there the seventh column says whether a row counts, as a whole number."""
    return replace(scene, objects=replace(scene.objects, scores=np.ones(len(scene), np.float32)))


def blocks(*corners) -> np.ndarray:
    dense = np.zeros((len(corners), 100, 200), bool)
    for mask, (top, left) in zip(dense, corners, strict=True):
        mask[top : top + 20, left : left + 10] = True
    return dense


def test_frames_and_ids_count_from_one(tmp_path, make_scene):
    write(tmp_path / "mot.txt", [make_scene(blocks((5, 7)), track_ids=[4]), make_scene(blocks())])
    assert (tmp_path / "mot.txt").read_text() == "1,4,7.00,5.00,10.00,20.00,0.9000,-1,-1,-1\n"


def test_trackeval_reads_the_file_and_finds_perfect_tracks_perfect(tmp_path, make_scene, trackeval):
    frames = [make_scene(blocks((5, 7 + 3 * i), (50, 150 - 3 * i)), track_ids=[1, 2]) for i in range(10)]
    truth = tmp_path / "gt" / "MOT15-train" / "video"
    (truth / "gt").mkdir(parents=True)
    write(truth / "gt" / "gt.txt", [with_scores_of_one(scene) for scene in frames])
    write(tmp_path / "trackers" / "MOT15-train" / "ours" / "data" / "video.txt", frames)
    (truth / "seqinfo.ini").write_text("[Sequence]\nname=video\nseqLength=10\n")
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(tmp_path / "gt"),
                "TRACKERS_FOLDER": str(tmp_path / "trackers"),
                "BENCHMARK": "MOT15",
                "SEQ_INFO": {"video": 10},
                "DO_PREPROC": False,
                "PRINT_CONFIG": False,
            }
        )
        loaded = dataset.get_raw_seq_data("ours", "video")
        scores = trackeval.metrics.HOTA().eval_sequence(
            dataset.get_preprocessed_seq_data(loaded, "pedestrian")
        )
    assert scores["HOTA"].mean() == 1.0
