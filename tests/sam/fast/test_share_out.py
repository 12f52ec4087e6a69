"""Work shared out between threads that compute alone, while others go on with all of PyTorch's threads."""

import threading

import pytest
import torch

from sav.sam.fast.share_out import share_out


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def threads_of_a_new_thread():
    seen = []
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    return seen[0]


def test_each_item_is_computed_by_one_thread_and_in_order(three_threads):
    assert share_out(lambda item: (item, torch.get_num_threads()), range(7)) == [
        (item, 1) for item in range(7)
    ]
    assert torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_threads_that_start_meanwhile_have_all_of_pytorchs_threads(three_threads):
    assert share_out(lambda _: threads_of_a_new_thread(), range(4)) == [3] * 4


def test_several_callers_at_once_leave_the_number_as_it_was(three_threads):
    wrong = []

    def call():
        for _ in range(10):
            if share_out(lambda item: torch.get_num_threads(), range(4)) != [1] * 4:
                wrong.append("work")

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == [] and torch.get_num_threads() == threads_of_a_new_thread() == 3


def test_an_error_in_the_work_is_the_callers(three_threads):
    with pytest.raises(ZeroDivisionError):
        share_out(lambda item: 1 / item, [1, 0, 1])
    assert torch.get_num_threads() == 3
