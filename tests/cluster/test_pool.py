"""Workers by Ray itself: order, windows, deaths, and tasks that kill."""

from __future__ import annotations

from functools import partial

import pytest

from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from sav.errors import ClusterError, WorkerLostError
from tests.cluster.standins import Doubling, dies_as_it_loads, fails_to_load

pytestmark = pytest.mark.long


@pytest.fixture
def pool(cluster, tmp_path):
    with Pool(cluster, Share(2, 1, 0), partial(Doubling, tmp_path), concurrency=2) as pool:
        yield pool


def values(pool, tasks, **settings):
    return [done.value for done in pool.ordered(tasks, **settings)]


def test_results_come_in_the_order_of_their_tasks_whoever_is_slow(pool):
    assert pool.ready() == "hello"
    tasks = [1, ("sleep", 0.3), 2, 3, ("sleep", 0.1), *range(20)]
    assert values(pool, tasks) == [2, 0.3, 4, 6, 0.1, *range(0, 40, 2)]
    assert values(pool, []) == []


def test_no_more_tasks_are_asked_for_than_the_window_has(pool):
    begun, handed = [], 0

    def tasks():
        for number in range(30):
            begun.append(number)
            yield number

    for done in pool.ordered(tasks(), window=5):
        handed += 1
        assert done.value == 2 * done.task
        assert len(begun) - handed <= 5
    assert handed == 30


def test_results_of_one_row_of_tasks_can_be_the_tasks_of_another(pool):
    doubled = (done.value for done in pool.ordered(range(12)))
    assert values(pool, doubled) == [4 * number for number in range(12)]


def test_a_worker_that_dies_has_what_it_was_at_done_again(pool):
    tasks = [1, ("die once", "a"), 2, 3, ("die once", "b"), 4]
    assert values(pool, tasks) == [2, "a", 4, 6, "b", 8]
    assert pool.deaths == 2


def test_a_task_that_kills_two_workers_is_given_up_and_its_neighbours_are_done(pool):
    *others, lost = values(pool, [1, ("sleep", 0.2), 3, 4, "die"])
    assert others == [2, 0.2, 6, 8]
    assert isinstance(lost, WorkerLostError)
    assert 2 <= pool.deaths <= 3  # the first may have had another task besides
    assert values(pool, [5]) == [10]


def test_what_a_task_raises_is_raised_as_it_was(pool):
    with pytest.raises(ValueError, match=r"^this task fails$"):
        values(pool, [1, "fail", 2])


def test_models_that_cannot_be_loaded_are_told_of_as_they_are(cluster):
    with (
        Pool(cluster, Share(2, 1, 0), fails_to_load) as pool,
        pytest.raises(ValueError, match="no such model"),
    ):
        pool.ready()


def test_workers_that_die_as_they_load_are_not_started_for_ever(cluster):
    with Pool(cluster, Share(2, 1, 0), dies_as_it_loads) as pool, pytest.raises(ClusterError, match="memory"):
        pool.ready()
