"""One Ray for all tests of a process: it takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sav.cluster.connection import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Ray on this machine, with room for eight workers that compute little."""
    pytest.importorskip("ray")
    with Cluster(cpus=8, gpus=0) as cluster:
        yield cluster
