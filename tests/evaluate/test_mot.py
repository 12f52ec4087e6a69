import numpy as np
import pytest

from sav.errors import EvaluationError
from sav.evaluate.coco import read_coco
from sav.evaluate.mot import find_sequences, read_tracks, tracks_of
from sav.evaluate.tracks import Role
from tests.evaluate.conftest import thing

INI = "[Sequence]\nname={name}\nseqLength=5\n"


def test_rows_are_sorted_by_frame_and_boxes_have_corners(mot):
    tracks = read_tracks(
        mot([(3, 1, 10, 20, 5, 6, 0.9, -1, -1, -1), (1, 7, 0.5, 1.5, 2, 3, 0.2, -1, -1, -1)])
    )
    assert (tracks.frame_count, tracks.frames.tolist(), tracks.ids.tolist()) == (3, [1, 3], [7, 1])
    np.testing.assert_array_equal(tracks.boxes_xyxy, [[0.5, 1.5, 2.5, 4.5], [10, 20, 15, 26]])


def test_an_empty_file_has_no_tracks(mot):
    tracks = read_tracks(mot([]), 9)
    assert (tracks.frame_count, len(tracks.ids)) == (9, 0)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(1, 1, 0, 0, 5)], "more columns"),
        ([("frame", "id", 0, 0, 5, 5)], "is not MOTChallenge text"),
        ([(1, 1, 0, 0, 5, 5), (2, 1, 0, 0, 5)], "is not MOTChallenge text"),
        ([(1.5, 1, 0, 0, 5, 5)], "are whole"),
        ([(1, 1, 0, 0, "nan", 5)], "are whole"),
        ([(1, 1, 0, 0, -5, 5)], "have a size"),
        ([(0, 1, 0, 0, 5, 5)], "a frame 0; they count from 1"),
        ([(1, 4, 0, 0, 5, 5), (1, 4, 9, 9, 5, 5)], "the id 4 twice in frame 1"),
        ([(1, 1e30, 0, 0, 5, 5)], "are whole"),
        ([(6, 1, 0, 0, 5, 5)], "a frame 6, but its sequence has 5"),
    ],
)
def test_what_is_no_such_text_is_named_with_the_reason(rows, reason, mot):
    path = mot(rows)
    with pytest.raises(EvaluationError, match=reason) as caught:
        read_tracks(path, 5)
    assert str(path) in str(caught.value)


def test_a_frame_that_no_video_has_costs_no_memory(mot):
    with pytest.raises(EvaluationError, match="which no video has"):
        read_tracks(mot([(1e11, 1, 0, 0, 5, 5)]))


def test_without_classes_every_row_to_be_considered_is_scored(mot):
    rows = [(1, 1, 0, 0, 5, 5, 1, -1, -1, -1), (1, 2, 9, 9, 5, 5, 0, -1, -1, -1)]
    (sequence,) = find_sequences(mot(rows, "gt.txt"))
    truth = sequence.read()
    assert truth.roles.tolist() == [Role.SCORED, Role.OTHER]


@pytest.mark.parametrize(("name", "vehicles"), [("MOT17-02", []), ("MOT20-01", [6])])
def test_of_classes_pedestrians_are_scored_and_distractors_are_not_judged(name, vehicles, mot, tmp_path):
    classes = range(1, 13)
    rows = [(1, number, 9 * number, 0, 5, 5, 1, number, 1.0) for number in classes]
    rows.append((1, 20, 0, 9, 5, 5, 0, 1, 1.0))
    mot(rows, "gt/gt.txt")
    (tmp_path / "seqinfo.ini").write_text(INI.format(name=name))
    (sequence,) = find_sequences(tmp_path)
    assert (sequence.name, sequence.frame_count) == (name, 5)
    truth = sequence.read()
    assert truth.ids[truth.roles == Role.SCORED].tolist() == [1]
    assert sorted(truth.ids[truth.roles == Role.IGNORED].tolist()) == sorted([2, 7, 8, 12, *vehicles])


def test_a_folder_of_sequences_has_each_once(mot, tmp_path):
    for name in ("b/gt/gt.txt", "a/gt.txt", "c/det.txt"):
        mot([], name)
    assert [sequence.name for sequence in find_sequences(tmp_path)] == ["a", "b"]


def test_a_folder_without_sequences_or_with_a_broken_one_is_an_error(mot, tmp_path):
    with pytest.raises(EvaluationError, match="is no MOTChallenge sequence"):
        find_sequences(tmp_path)
    mot([], "gt.txt")
    for content in ("[Sequence]\nname=x\nseqLength=many\n", "[Other]\n", "name=x"):
        (tmp_path / "seqinfo.ini").write_text(content)
        with pytest.raises(EvaluationError, match=r"is no seqinfo\.ini"):
            find_sequences(tmp_path)


def test_tracks_in_coco_form_are_those_of_their_frames(coco):
    crowd = thing("dog", 9, 9, 12, 12, track_id=0, iscrowd=1)
    frames = {
        "street_000000.jpg": [thing("dog", 0, 0, 5, 6, track_id=4), thing("dog", 9, 9, 12, 12)],
        "street_000001.jpg": [],
        "street_000002.jpg": [thing("dog", 1, 0, 6, 6, track_id=4), crowd],
        "street_000003.jpg": [],
    }  # fmt: skip
    tracks = tracks_of(read_coco(coco(frames)))
    assert (tracks.frame_count, tracks.frames.tolist(), tracks.ids.tolist()) == (4, [1, 3, 3], [4, 0, 4])
    assert tracks.roles.tolist() == [Role.SCORED, Role.IGNORED, Role.SCORED]
    assert tracks.boxes_xyxy[0].tolist() == [0, 0, 5, 6]
