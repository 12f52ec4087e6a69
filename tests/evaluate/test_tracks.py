import importlib.util
import sys

import numpy as np
import pytest

from sav.errors import PackageMissingError
from sav.evaluate import tracks as module
from sav.evaluate.compare import compare
from sav.evaluate.tracks import Role, TrackTable, count_tracks, pooled, score_tracks
from tools.tracking.mot_sequences import MOT_FOLDER

NOTHING = np.zeros(0, np.int64), np.zeros((0, 4))


def table(*frames, ignored=()):
    """A frame is `{id: x}`, boxes of 10 by 10 pixels at x."""
    ids = [np.array(list(frame), np.int64) for frame in frames]
    boxes = [np.array([(x, 0, x + 10, 10) for x in frame.values()], float).reshape(-1, 4) for frame in frames]
    made = TrackTable.of_frames(ids, boxes)
    roles = np.where(np.isin(made.ids, ignored), Role.IGNORED, Role.SCORED).astype(np.int8)
    return TrackTable(made.frame_count, made.frames, made.ids, made.boxes_xyxy, roles)


def test_a_table_is_checked_when_it_is_made():
    none = np.zeros(1, np.int8)
    with pytest.raises(ValueError, match="a row a box"):
        TrackTable(1, np.ones(1, np.int64), np.ones(2, np.int64), np.zeros((1, 4)), none)
    with pytest.raises(ValueError, match="ascend"):
        TrackTable(1, np.zeros(1, np.int64), np.ones(1, np.int64), np.zeros((1, 4)), none)


@pytest.mark.usefixtures("trackeval")
class TestScores:
    def test_the_truth_itself_is_perfect_whatever_its_ids_are_called(self):
        truth = table({1: 0, 2: 50}, {1: 3, 2: 47}, {}, {2: 44})
        score = score_tracks(table({70: 0, 9: 50}, {70: 3, 9: 47}, {}, {9: 44}), truth)
        assert (score.hota, score.deta, score.assa, score.mota, score.idf1) == (100,) * 5
        assert (score.switches, score.false_positives, score.misses) == (0, 0, 0)
        assert (score.ids, score.true_ids) == (2, 2)

    def test_every_figure_is_the_one_worked_out_by_hand(self):
        # One object in four frames: followed as 5 for two, missed once, then as 6; and a false alarm.
        truth = table(*({1: 0},) * 4)
        score = score_tracks(table({5: 0}, {5: 0, 8: 90}, {}, {6: 0}), truth)
        assert (score.switches, score.false_positives, score.misses) == (1, 1, 1)
        assert score.mota == pytest.approx(100 * (1 - 3 / 4))
        assert score.idf1 == pytest.approx(100 * 2 * 2 / (4 + 4))  # of 5 two frames are right
        deta = 3 / (3 + 1 + 1)
        assa = (2 * 2 / 4 + 1 / 4) / 3  # of the matches two share two of four frames, one shares one
        assert (score.deta, score.assa) == (pytest.approx(100 * deta), pytest.approx(100 * assa))
        assert score.hota == pytest.approx(100 * (deta * assa) ** 0.5)

    def test_frames_that_only_one_side_has_count(self):
        score = score_tracks(table({1: 0}, {1: 0}, {1: 0}), table({1: 0}, {1: 0}))
        assert (score.misses, score.false_positives) == (0, 1)
        score = score_tracks(table({1: 0}), table({1: 0}, {1: 0}))
        assert (score.misses, score.false_positives) == (1, 0)

    def test_a_box_on_an_ignored_one_is_neither_right_nor_wrong(self):
        truth = table({1: 0, 2: 50}, ignored=[2])
        score = score_tracks(table({1: 0, 5: 51, 6: 58}), truth)
        assert (score.misses, score.false_positives, score.ids, score.true_ids) == (0, 1, 2, 1)

    @pytest.mark.parametrize(("found", "true"), [({}, {}), ({1: 0}, {}), ({}, {1: 0})])
    def test_nothing_has_scores_too(self, found, true):
        score = score_tracks(table(found), table(true))
        assert (score.hota, score.mota, score.idf1) == (0, 0, 0)
        assert (score.false_positives, score.misses) == (len(found), len(true))

    def test_counts_of_sequences_are_added_up(self):
        good, bad = table({1: 0}, {1: 0}, {1: 0}), table({1: 90})
        counts = [count_tracks(one, truth) for one, truth in ((good, good), (bad, table({1: 0})))]
        both = pooled(counts)
        assert (both.true_ids, both.misses, both.false_positives) == (2, 1, 1)
        assert both.mota == pytest.approx(100 * (1 - 2 / 4))

    @pytest.mark.long
    @pytest.mark.skipif(not MOT_FOLDER.is_dir(), reason="needs the MOT Challenge sequences in ../shared/mot")
    def test_real_sequences_score_as_trackevals_own_reading_of_them_does(self, tmp_path):
        spec = importlib.util.spec_from_file_location("mot_evaluate", MOT_FOLDER / "evaluate.py")
        reference = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(reference)
        # Truth that was moved, thinned out and given away: distractors and ignored rows are among it.
        rng = np.random.default_rng(0)
        for folder in sorted(MOT_FOLDER.glob("*/")):
            rows = np.loadtxt(folder / "gt.txt", delimiter=",")[:, :6]
            rows = rows[rng.random(len(rows)) < 0.8]
            rows[:, 2:4] += rng.normal(0, 0.1, (len(rows), 2)) * rows[:, 4:6]
            rows[:, 1] += 1000 * (rows[:, 0] > 100)
            np.savetxt(tmp_path / f"{folder.name}.txt", rows, "%.2f", ",")

        wanted = reference.evaluate(MOT_FOLDER, tmp_path)
        scores = compare(tmp_path, MOT_FOLDER).score_tracks()
        for name, score in (*scores.sequences.items(), ("all", scores.all)):
            assert list(vars(score).values()) == pytest.approx(list(wanted[name].values()), abs=1e-9), name


def test_without_trackeval_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackeval", None)
    with pytest.raises(PackageMissingError, match="pip install trackeval"):
        module.score_tracks(table({}), table({}))
