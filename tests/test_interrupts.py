import os
import signal
import threading

import pytest

from sav.interrupts import end_like_ctrl_c, uninterrupted


@pytest.fixture(autouse=True)
def _restored_handler():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_waits_until_the_block_is_done(number):
    end_like_ctrl_c()
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            os.kill(os.getpid(), number)
            steps.append("written")
        steps.append("never reached")
    assert steps == ["written"]


def test_without_ctrl_c_nothing_happens_and_the_handler_is_back():
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_does_nothing():
    done = []

    def work():
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
