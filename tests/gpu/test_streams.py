"""Streams of a real GPU that are given to nobody else for as long as they are kept."""

import gc
import weakref

import pytest

from sav.streams import own_stream


def test_streams_that_were_let_go_of_are_given_again_and_leave_nothing_behind(cuda):
    if cuda.type != "cuda":
        pytest.skip("a CPU has no streams")
    kept = own_stream(cuda)
    for _ in range(100):
        stream = own_stream(cuda)
        # PyTorch 2.10 to 2.12 crash of such a reference once its stream is gone.
        assert weakref.getweakrefcount(stream) == 0
        assert stream.stream_id != kept.stream_id
    gc.collect()
