import pickle
import threading

from sav.sam.fast.attempts import Background


def test_what_is_done_in_the_background_is_begun_once_and_waited_for():
    background, go, calls = Background(), threading.Event(), []

    def work() -> None:
        go.wait()
        calls.append(1)

    assert not background.has_done("key", work)
    assert not background.has_done("key", work)
    go.set()
    background.wait()
    assert background.has_done("key", work)
    assert calls == [1]


def test_in_another_process_nothing_is_done_yet():
    background = Background()
    background.has_done("key", lambda: None)
    background.wait()
    assert not pickle.loads(pickle.dumps(background))._threads
