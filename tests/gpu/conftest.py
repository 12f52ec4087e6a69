"""What is here needs CUDA: every test of this folder is skipped without it.

`SAV_GPU_TESTS=cpu python -m pytest tests/gpu` runs them on the CPU nevertheless, to see that they run at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
ON_CPU = os.environ.get("SAV_GPU_TESTS") == "cpu"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests where there is no GPU; pytest hands in those of all folders."""
    if ON_CPU or torch.cuda.is_available():
        return
    without = pytest.mark.skip(reason="needs a GPU that CUDA runs on")
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(without)


@pytest.fixture(autouse=True)
def nothing_falls_back(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A graph or kernel that fails says so in a line, which is all that one would see of it here."""
    yield
    told = [record for record in caplog.get_records("call") if record.levelno >= logging.WARNING]
    assert not [record.getMessage() for record in told if record.name.startswith("sav.")]


@pytest.fixture
def cuda() -> torch.device:
    """The last GPU of the machine, so that where there are several nothing may assume the first."""
    return torch.device("cpu") if ON_CPU else torch.device("cuda", torch.cuda.device_count() - 1)
