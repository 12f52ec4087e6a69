"""Streams that nobody else works in, although PyTorch hands out the same ones in turns."""

import torch

from sav.stages.lanes import Lane
from sav.streams import own_stream
from tests.simulated_gpu.chip import DEVICE
from tests.simulated_gpu.driver import POOL


def test_a_stream_that_is_kept_is_given_to_nobody_else(driver):
    kept = own_stream(DEVICE)
    others = {own_stream(DEVICE).stream_id for _ in range(3 * POOL)}
    assert kept.stream_id not in others
    assert len(others) == POOL - 1


def test_what_is_kept_no_more_is_given_again(driver):
    first = own_stream(DEVICE).stream_id
    assert first in {own_stream(DEVICE).stream_id for _ in range(POOL)}


def test_where_all_are_kept_there_is_one_all_the_same(driver):
    kept = [own_stream(DEVICE) for _ in range(POOL)]
    assert own_stream(DEVICE).stream_id in {stream.stream_id for stream in kept}


@torch.inference_mode()
def test_a_graph_is_not_captured_where_another_thread_works(driver):
    from sav.graphs import Graphs

    lanes, graphs = [Lane(DEVICE, is_urgent) for is_urgent in (True, False, True)], Graphs(100)
    with lanes[0]():
        for count in range(1, 2 * POOL):
            for _ in range(2):
                graphs(torch.sin, torch.ones(count, device=DEVICE))
    taken = {lane._stream.stream_id for lane in lanes}
    assert len(driver.graphs) > POOL
    assert not taken & {graph.stream_id for graph in driver.graphs}
