import itertools

import numpy as np
import pytest

from sav.evaluate.matching import match


def test_the_sum_of_the_overlaps_is_greatest():
    overlaps = np.random.default_rng(0).random((4, 5))
    best = max(overlaps[range(4), list(columns)].sum() for columns in itertools.permutations(range(5), 4))
    assert overlaps[match(overlaps)].sum() == pytest.approx(best)


def test_what_is_best_for_all_may_not_be_best_for_one():
    rows, columns = match(np.array([[0.9, 0.8], [0.8, 0.1]]))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 1), (1, 0)]


def test_a_pair_overlaps_by_the_least_that_is_wanted_or_more():
    overlaps = np.diag([0.5, 0.499, 0.0])
    assert match(overlaps, 0.5)[0].tolist() == [0]
    assert match(overlaps)[0].tolist() == [0, 1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (2, 0)])
def test_of_nothing_there_are_no_pairs(shape):
    assert [len(side) for side in match(np.zeros(shape), 0.5)] == [0, 0]
