"""Overlaps and the assignment, against the plain definitions."""

import itertools

import numpy as np
import pytest

from sav.trackers.association import assign, box_iou


def plain_iou(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union if union else 0


def test_overlaps_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 100, (9, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(10, 80, (9, 2))], 1)
    expected = [[plain_iou(a, b) for b in boxes[4:]] for a in boxes]
    np.testing.assert_allclose(box_iou(boxes, boxes[4:]), expected, atol=1e-5)


def test_boxes_that_touch_or_have_no_area_overlap_nothing():
    boxes = np.array([[0, 0, 10, 10], [10, 0, 20, 10], [5, 5, 5, 5]], float)
    np.testing.assert_allclose(box_iou(boxes, boxes), np.diag([1, 1, 0]), atol=1e-6)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_pair_gives_no_pairs(rows, columns):
    i, j = assign(np.zeros((rows, columns)), 0.2)
    assert len(i) == len(j) == 0
    assert box_iou(np.zeros((rows, 4)), np.zeros((columns, 4))).shape == (rows, columns)


def test_a_pair_that_is_not_similar_enough_is_not_made():
    rows, columns = assign(np.array([[0.9, 0.0], [0.0, 0.19]]), 0.2)
    assert rows.tolist() == [0] and columns.tolist() == [0]


def test_the_best_whole_beats_the_best_single_pair():
    rows, columns = assign(np.array([[0.9, 0.8], [0.85, 0.1]]), 0.2)
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 1, 1: 0}


@pytest.mark.parametrize("seed", range(5))
def test_no_other_choice_of_pairs_gains_more(seed):
    similarities = np.random.default_rng(seed).uniform(0, 1, (4, 5))
    gains = np.maximum(similarities - 0.5, 0)
    rows, columns = assign(similarities, 0.5)
    choices = itertools.permutations(range(5), 4)
    best = max(sum(gains[i, j] for i, j in enumerate(choice)) for choice in choices)
    assert (similarities[rows, columns] > 0.5).all()
    assert gains[rows, columns].sum() == pytest.approx(best)
