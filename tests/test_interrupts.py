import os
import signal
import threading

import pytest

from sav.interrupts import uninterrupted


def test_ctrl_c_waits_until_the_block_is_done():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
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
