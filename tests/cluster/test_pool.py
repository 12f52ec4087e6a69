"""Workers by Ray itself: order, windows, deaths, and tasks that kill."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections import UserList
from functools import partial
from types import SimpleNamespace

import pytest

from sav.cluster import bundling as bundling_module
from sav.cluster import staff
from sav.cluster.bundling import Bundling
from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from sav.errors import ClusterError, WorkerLostError
from tests.cluster.standins import (
    Doubling,
    dies_as_it_loads,
    fails_to_load,
    lacks_a_package,
    one_alone,
)
from tests.conftest import ROOT

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


def test_results_that_were_handed_out_are_kept_by_nobody(pool):
    gc.collect()
    gc.disable()
    try:
        tasks = (UserList([number] * 3) for number in range(40))
        results = [weakref.ref(done.value) for done in pool.ordered(tasks, bundled=True)]
        assert [result() for result in results] == [None] * 40
    finally:
        gc.enable()


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


def test_tasks_that_travel_together_come_in_order_and_the_one_to_blame_is_found(pool, monkeypatch):
    monkeypatch.setattr(pool, "_bundling", SimpleNamespace(size=4, add=lambda done: None))
    tasks = [*range(30), "die", *range(30, 60), ("die once", "c"), 60]
    values = [done.value for done in pool.ordered(tasks, bundled=True)]
    assert [value for value in values if not isinstance(value, WorkerLostError | str)] == [*range(0, 122, 2)]
    assert isinstance(values[30], WorkerLostError) and values[61] == "c"


def test_more_travel_together_the_more_are_done_a_second(monkeypatch):
    now = 0.0
    monkeypatch.setattr(bundling_module, "time", SimpleNamespace(monotonic=lambda: now))
    bundling, sizes = Bundling(), []
    for rate in (0, 5, 100, 384, 384, 40, 100_000):
        now += 1.0
        bundling.add(rate)
        sizes.append(bundling.size)
    assert sizes == [1, 1, 1, 4, 4, 1, 16]


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


def test_a_worker_that_cannot_be_made_ready_is_left_out_and_told_of(cluster, tmp_path, caplog):
    with Pool(cluster, Share(2, 1, 0), partial(one_alone, tmp_path)) as pool:
        while not caplog.messages:
            assert values(pool, [1, 2, ("sleep", 0.2)]) == [2, 4, 0.2]
        assert len(pool.workers) == 1
    (line,) = caplog.messages
    assert line in [f"worker {number} is left out: no such checkpoint" for number in (1, 2)]


def test_a_package_that_workers_lack_is_named(cluster):
    line = "cannot import no_such_package: give all machines"
    with Pool(cluster, Share(1, 1, 0), lacks_a_package) as pool, pytest.raises(ClusterError, match=line):
        pool.ready()


def test_workers_with_other_versions_are_told_of(cluster, monkeypatch):
    monkeypatch.setattr(staff, "versions", lambda: {"torch": "1.0", "nothing": "2.0"})
    line = r"has torch \S+, not 1\.0, as the machine"
    with Pool(cluster, Share(1, 1, 0), Doubling) as pool, pytest.raises(ClusterError, match=line):
        pool.ready()


@pytest.mark.slow
def test_workers_that_cannot_import_this_package_say_so(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(f"""
import sys
sys.path.append({str(ROOT)!r})  # of this alone Ray tells its workers nothing
from sav.cluster.connection import Cluster
from sav.cluster.placing import Share
from sav.cluster.pool import Pool
from sav.errors import ClusterError

if __name__ == "__main__":
    with Cluster(cpus=1, gpus=0) as cluster, Pool(cluster, Share(1, 1, 0), dict) as pool:
        try:
            pool.ready()
        except ClusterError as error:
            print(error)
""")
    ended = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout == (
        "a worker cannot import sav: give all machines the same environment, with this package and what it"
        " needs\n"
    )
