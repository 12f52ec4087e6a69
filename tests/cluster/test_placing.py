"""Machines shared out among workers, without Ray."""

import pytest

from sav.cluster.connection import Node
from sav.cluster.placing import Share, Workers, share_out
from sav.errors import ClusterError, SettingError

LAPTOP, SERVER = Node("a", 2, 0), Node("b", 64, 8)


@pytest.mark.parametrize(
    ("nodes", "workers", "share"),
    [
        ([LAPTOP], Workers(None), Share(1, 2, 0)),
        ([LAPTOP], Workers(2), Share(2, 1, 0)),
        ([Node("a", 16, 0)], Workers(None), Share(4, 4, 0)),
        ([Node("a", 16, 0)], Workers(3), Share(3, 5, 0)),
        ([SERVER], Workers(None), Share(8, 8, 1)),
        ([SERVER], Workers(3), Share(3, 8, 1)),
        ([SERVER], Workers(None, device="cpu"), Share(16, 4, 0)),
        ([LAPTOP, SERVER, SERVER], Workers(None, "there"), Share(16, 8, 1)),
        ([SERVER], Workers(9, "there"), Share(9, 8, 1, False)),
        ([LAPTOP], Workers(3, "there"), Share(3, 1, 0, False)),
        ([LAPTOP, Node("c", 5, 0)], Workers(3, "there"), Share(3, 2, 0)),
    ],
)
def test_a_worker_gets_a_gpu_or_a_group_of_cores(nodes, workers, share):
    assert share_out(nodes, workers) == share


def test_more_workers_than_a_machine_has_room_for_are_refused():
    with pytest.raises(SettingError, match="there are 2 cores"):
        share_out([LAPTOP], Workers(3))
    with pytest.raises(SettingError, match="there are 8 GPUs"):
        share_out([SERVER], Workers(9))


def test_without_a_gpu_no_worker_runs_on_one():
    with pytest.raises(ClusterError, match="no GPU"):
        share_out([LAPTOP], Workers(None, device="cuda"))
