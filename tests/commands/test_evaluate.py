"""`python -m sav evaluate`: what is compared, what is printed and written, and what cannot be."""

import json
import shutil
import sys

import pytest

from sav.commands import evaluate
from tests.evaluate.conftest import thing

DOG = thing("dog", 0, 0, 10, 10, track_id=1)
PERSON = thing("person", 20, 0, 30, 10, track_id=2)
ROWS = [(1, 5, 0, 0, 10, 10, 0.9, -1, -1, -1), (1, 6, 20, 0, 10, 9, 0.9, -1, -1, -1)]


def run(capsys, *arguments):
    status = evaluate.main([*map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.fixture
def video(coco, mot, tmp_path):
    """A run with masks and tracks, and its truth."""
    found, truth = {"s_000000.jpg": [DOG]}, {"s_000000.jpg": [DOG, PERSON]}
    coco(found, "run/annotations/coco.json")
    mot(ROWS, "run/annotations/mot.txt")
    return tmp_path / "run", coco(truth, "truth.json")


def test_masks_are_told_a_class_a_row_and_written_as_json(video, tmp_path, capsys):
    file = tmp_path / "scores.json"
    status, out, err = run(capsys, video[0] / "annotations" / "coco.json", video[1], "--json", file)
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines] == ["masks,", "dog", "person", "all"]
    assert lines[1][1:4] == ["1.000", "1.000", "1.000"]
    assert lines[2][1:4] == ["0.000", "-", "0.000"]
    masks = json.loads(file.read_text())["masks"]
    assert masks["all"]["recall"] == masks["all"]["mean_iou"] == 0.5
    assert masks["classes"]["person"]["precision"] is None
    assert masks["pictures"] == 1


def test_a_folder_of_a_video_has_masks_and_tracks(video, tmp_path, capsys, trackeval):
    status, out, _ = run(capsys, *video, "--json", tmp_path / "scores.json")
    assert status == 0 and "HOTA" in out and "mIoU" in out
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["tracks"]["sequences"]["truth"] == scores["tracks"]["all"]
    assert scores["tracks"]["all"]["mota"] == 100
    assert scores["masks"]["all"]["recall"] == 0.5


def test_a_run_is_named_by_the_video_that_it_wrote_too(coco, tmp_path, capsys):
    truth = coco({"s_000000.jpg": [DOG]}, "truth.json")
    shutil.copy(truth, coco({}, "tracked_annotations/coco.json"))
    (tmp_path / "tracked.mp4").touch()
    status, out, _ = run(capsys, tmp_path / "tracked.mp4", truth)
    assert status == 0 and out.splitlines()[-1].split()[1] == "1.000"


def test_tracks_alone_are_compared_with_a_sequence(mot, tmp_path, capsys, trackeval):
    found = mot(ROWS)
    mot(ROWS, "MOT15-x/gt/gt.txt")
    for truth in (tmp_path / "MOT15-x", tmp_path / "MOT15-x" / "gt" / "gt.txt"):
        status, out, _ = run(capsys, found, truth)
        assert status == 0
        assert out.splitlines()[1].split()[1:6] == ["100.0"] * 5


def test_several_sequences_have_a_row_each_and_one_together(mot, tmp_path, capsys, trackeval):
    for name in "ab":
        mot(ROWS, f"truth/{name}/gt/gt.txt")
        mot(ROWS, f"results/{name}.txt")
    status, out, _ = run(capsys, tmp_path / "results", tmp_path / "truth")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["a", "b", "all"]


def test_what_is_left_out_is_said(coco, capsys):
    found = coco({"a.jpg": [DOG], "b.jpg": [PERSON]}, classes=("dog", "person"))
    truth = coco({"a.png": [thing("cat", 0, 0, 5, 5)], "z.jpg": []}, "truth.json", classes=("cat", "person"))
    status, _, err = run(capsys, found, truth)
    assert status == 0
    assert err.splitlines() == [
        "note: left out: 1 picture without ground truth",
        "note: left out: 1 true picture that the run does not have",
        "note: left out: objects of classes that the ground truth does not have: dog",
        "note: counted as not found: objects of classes that the run does not have: cat",
    ]


def test_frames_without_truth_are_left_out_and_counted(coco, mot, capsys, trackeval):
    truth = coco({"s_000000.jpg": [DOG, PERSON]}, "truth.json")
    later = [(9, *row[1:]) for row in ROWS]
    status, out, err = run(capsys, mot([*ROWS, *later]), truth)
    assert (status, err) == (0, "note: left out: 1 frame without ground truth\n")
    assert out.splitlines()[1].split()[4] == "100.0"


def test_masks_and_tracks_of_a_part_of_a_video_are_scored_on_the_frames_of_the_run(
    coco, mot, tmp_path, capsys, trackeval
):
    coco({"s_000002.jpg": [DOG, PERSON], "s_000003.jpg": []}, "run/coco.json")  # --start 2 --end 4
    mot(ROWS, "run/mot.txt")
    truth = coco({f"s_{number:06d}.jpg": [DOG, PERSON] for number in range(5)}, "truth.json")
    status, out, err = run(capsys, tmp_path / "run", truth)
    assert status == 0
    assert err.splitlines() == [
        "note: left out: 3 true pictures that the run does not have",
        "note: left out: 3 true frames that the run does not have",
    ]
    masks, tracks = (line.split() for line in out.splitlines() if line.startswith(("all", "truth")))
    assert masks[3] == "0.500" and tracks[4] == "50.0"  # recall, and MOTA
    assert tracks[7:9] == ["0", "2"]  # FP, FN


def test_without_trackeval_masks_are_scored_all_the_same(video, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackeval", None)
    status, out, err = run(capsys, *video, "--json", tmp_path / "scores.json")
    assert status == 1 and "mIoU" in out and "pip install trackeval" in err
    assert list(json.loads((tmp_path / "scores.json").read_text())) == ["masks"]
    status, out, err = run(capsys, video[0] / "annotations" / "mot.txt", video[1])
    assert (status, out) == (2, "") and err.count("\n") == 1 and "pip install trackeval" in err


@pytest.mark.parametrize(
    ("found", "truth", "reason"),
    [
        ("none.json", "truth.json", "there is no"),
        ("run", "none.json", "there is no"),
        ("run", "run/picture.jpg", "is no ground truth"),
        ("run/picture.jpg", "truth.json", "cannot be evaluated"),
        (".", "truth.json", "cannot be evaluated"),
        ("run", "run", "is no MOTChallenge sequence"),
        ("run/annotations/mot.txt", "still.json", "has no track_id"),
        ("truth.json", "gt.txt", "there is no mot.txt"),
        ("run", "two", "there is no a.txt"),
        ("run", "run/annotations/mot.json", "is not JSON"),
    ],
)
def test_what_cannot_be_compared_is_answered_with_one_line(
    found, truth, reason, video, mot, coco, tmp_path, capsys
):  # fmt: skip
    coco({"s_000000.jpg": []}, "still.json")
    for name in ("gt.txt", "two/a/gt.txt", "two/b/gt.txt", "run/picture.jpg"):
        mot(ROWS, name)
    shutil.copy(tmp_path / "gt.txt", tmp_path / "run" / "annotations" / "mot.json")
    status, out, err = run(capsys, tmp_path / found, tmp_path / truth)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ") and reason in err


@pytest.mark.parametrize("name", ["truth.json", "run/annotations/coco.json", "run/annotations/mot.txt"])
def test_scores_never_replace_what_they_are_made_from(name, video, tmp_path, capsys):
    before = (tmp_path / name).read_bytes()
    status, out, err = run(capsys, *video, "--json", tmp_path / name)
    assert (status, out) == (2, "") and "would replace" in err
    assert (tmp_path / name).read_bytes() == before


def test_scores_that_cannot_be_written_are_known_at_once(video, tmp_path, capsys):
    status, out, err = run(capsys, *video, "--json", tmp_path / "truth.json" / "scores.json")
    assert (status, out, err.count("\n")) == (2, "", 1)
