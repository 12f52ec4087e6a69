import threading
import time

import pytest

from sav.stages.overlap import batched, overlap


@pytest.mark.parametrize("count", [0, 1, 50])
def test_items_come_through_in_order(count):
    assert list(overlap(overlap(iter(range(count)), capacity=1), capacity=3)) == list(range(count))


def test_the_thread_works_ahead_by_no_more_than_its_capacity():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    ahead = overlap(items(), capacity=3)
    next(ahead)
    deadline = time.monotonic() + 30
    while len(made) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(made) == 5  # one taken, three queued, one in hand
    ahead.close()


def test_an_error_surfaces_after_the_items_before_it_with_its_traceback():
    def failing():
        yield 1
        yield 2
        raise ValueError("the third is bad")

    seen = []
    with pytest.raises(ValueError, match="the third is bad") as caught:
        for item in overlap(overlap(failing())):
            seen.append(item)
    assert seen == [1, 2]
    assert any(entry.name == "failing" for entry in caught.traceback)


def test_closing_ends_all_threads_and_the_source():
    closed, before = [], threading.active_count()

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    def through(items):
        yield from items

    outer = overlap(through(overlap(endless())))
    next(outer)
    outer.close()
    assert threading.active_count() == before
    assert closed == [True]


def test_batches_are_full_but_for_the_last():
    assert list(batched(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batched([], 3)) == []


def test_items_before_an_error_are_not_lost():
    def failing():
        yield from range(4)
        raise ValueError("cut short")

    seen = []
    with pytest.raises(ValueError, match="cut short"):
        for batch in batched(failing(), 3):
            seen.append(batch)
    assert seen == [[0, 1, 2], [3]]
