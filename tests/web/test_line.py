"""The line for the models: in order, one a visitor, stopped by who asked."""

import threading

import pytest

from sav.errors import SettingError
from sav.web.line import Job, Line, StoppedError


@pytest.fixture
def line():
    made = Line(most=3)
    yield made
    made.close()


class Held:
    """Work that goes on until a test lets it."""

    def __init__(self):
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, job):
        self.begun.set()
        self.may_end.wait(30)
        return "done"


def wait(job):
    assert job._done.wait(30)
    return job


def test_jobs_are_done_in_the_order_in_which_they_came_and_know_who_is_before_them(line):
    held, order = Held(), []
    first = line.join(Job("a", held))
    held.begun.wait(30)
    others = [line.join(Job(name, lambda job: order.append(job.visitor))) for name in "bcd"]
    assert [line.ahead(job) for job in (first, *others)] == [0, 1, 2, 3]
    held.may_end.set()
    for job in (first, *others):
        wait(job)
    assert order == ["b", "c", "d"] and first.result == "done"
    assert line.ahead(first) == 0


def test_a_visitor_has_one_job_at_a_time_and_the_line_an_end(line):
    held = Held()
    line.join(Job("a", held))
    held.begun.wait(30)
    with pytest.raises(SettingError, match="at work already"):
        line.join(Job("a", held))
    for name in "bcd":
        line.join(Job(name, lambda job: None))
    with pytest.raises(SettingError, match="3 others are waiting"):
        line.join(Job("e", lambda job: None))
    held.may_end.set()


def test_who_stops_a_job_may_ask_for_another_at_once(line):
    held, done = Held(), []
    first = line.join(Job("a", held))
    held.begun.wait(30)
    waiting = line.join(Job("b", lambda job: done.append("b")))
    line.stop("b")
    again = line.join(Job("b", lambda job: done.append("again")))
    held.may_end.set()
    for job in (first, waiting, again):
        wait(job)
    assert done == ["again"] and isinstance(waiting.error, StoppedError)


def test_an_error_is_kept_and_the_next_is_served(line):
    bad = wait(line.join(Job("a", lambda job: 1 / 0)))
    good = wait(line.join(Job("a", lambda job: 7)))
    assert isinstance(bad.error, ZeroDivisionError) and good.result == 7


def test_closing_stops_what_waits():
    line, held = Line(most=3), Held()
    line.join(Job("a", held))
    held.begun.wait(30)
    waiting = line.join(Job("b", lambda job: 7))
    held.may_end.set()
    line.close()
    assert waiting.is_done and isinstance(waiting.error, StoppedError)
