import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from sav import interrupts
from sav.interrupts import ENDINGS, handled, uninterrupted, working
from tests.conftest import ROOT


def outcome(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program that may end itself on the spot."""
    script = "import os, signal, time\nfrom sav import files, interrupts\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)


def hear(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", ENDINGS)
def test_work_is_ended_by_an_exception(number):
    with handled(), pytest.raises(KeyboardInterrupt), working():
        hear(number)
    assert interrupts.heard()


@pytest.mark.parametrize("number", ENDINGS)
def test_an_interruption_waits_until_the_block_is_done(number):
    steps = []
    with handled(), pytest.raises(KeyboardInterrupt), working():
        with uninterrupted():
            hear(number)
            steps.append("written")
        steps.append("never reached")
    assert steps == ["written"]


def test_what_comes_after_the_first_disturbs_nothing_that_is_saved():
    steps = []
    with handled():
        with pytest.raises(KeyboardInterrupt), working():
            hear()
        for _ in range(5):
            hear()
        steps.append("saved")
    assert steps == ["saved"]


def test_afterwards_the_handlers_are_back():
    before = [signal.getsignal(number) for number in ENDINGS]
    threads = threading.active_count()
    with handled(), working(), uninterrupted():
        pass
    assert [signal.getsignal(number) for number in ENDINGS] == before
    assert threading.active_count() == threads


def test_what_is_ignored_stays_ignored_as_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(), working():
            hear(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_somebody_elses_program_his_handler_hears_it_after_the_block():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with uninterrupted():
            hear()
            steps.append("written")
        steps.append("never reached")
    assert steps == ["written"]


def test_in_another_thread_it_does_nothing():
    done = []

    def work():
        with handled(), working(), uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize("number", ENDINGS)
def test_before_any_work_the_process_ends_on_the_spot_with_one_line(number, tmp_path):
    done = outcome(f"""
        with interrupts.handled(), files.staging_folder(files.Path({str(tmp_path)!r}) / "x"):
            try:
                os.kill(os.getpid(), {int(number)})
                time.sleep(60)
            except BaseException as error:
                print("raised", error)
    """)
    assert done.returncode == 2
    assert done.stderr.split("\n")[1:] == ["error: interrupted, nothing is saved", ""]
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_it_ends_also_while_the_main_thread_is_inside_c_code():
    done = outcome("""
        import ctypes, threading
        with interrupts.handled():
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
            # Another thread gets the signal, so that the sleep is not cut short, and no Python runs here.
            signal.pthread_sigmask(signal.SIG_BLOCK, interrupts.ENDINGS)
            ctypes.CDLL(None).sleep(60)
    """)
    assert done.returncode == 2
    assert "nothing is saved" in done.stderr


@pytest.mark.long
@pytest.mark.parametrize(("is_saved", "status"), [(False, 2), (True, 1)])
def test_who_asks_again_after_a_second_does_not_wait_for_the_rest(is_saved, status, tmp_path):
    done = outcome(f"""
        with interrupts.handled():
            try:
                with interrupts.working():
                    {"interrupts.anything_is_saved()" if is_saved else ""}
                    os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                with files.staging_folder(files.Path({str(tmp_path)!r}) / "x"):
                    time.sleep(1.5)
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(60)
    """)
    assert done.returncode == status
    assert "error: interrupted" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_threads_in_the_middle_of_their_work_do_not_keep_an_interrupted_program():
    done = outcome("""
        import threading
        threading.Thread(target=time.sleep, args=(60,)).start()
        with interrupts.handled():
            try:
                with interrupts.working():
                    os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                print("saved")
            interrupts.leave(1)
    """)
    assert (done.returncode, done.stdout, done.stderr) == (1, "saved\n", "")
