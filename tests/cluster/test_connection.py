"""What is said of clusters that cannot be joined, and of a Ray that is not there."""

import builtins

import pytest

from sav.cluster.connection import Cluster
from sav.errors import ClusterError, PackageMissingError


@pytest.mark.parametrize("address", ["", "6379", "host", "ray://host:10001", "host:port", "host:"])
def test_what_is_no_address_is_told_what_one_is(address):
    pytest.importorskip("ray")
    with pytest.raises(ClusterError, match="HOST:PORT"):
        Cluster(address)


def test_an_address_where_nobody_answers_is_told_of_at_once():
    pytest.importorskip("ray")
    with pytest.raises(ClusterError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        Cluster("127.0.0.1:9")


def test_without_ray_one_line_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without_ray(name, *rest):
        if name == "ray":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(PackageMissingError, match=r"pip install '\.\[cluster\]'"):
        Cluster()
