from __future__ import annotations

from pathlib import Path

import pytest

from tools.objects365.prepare import prepare
from tools.objects365.stand_in import make


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Objects365 with all defects, prepared in its folder `yolo`; tests that change it copy it."""
    data = tmp_path_factory.mktemp("objects365")
    make(data, 24)
    prepare(data, data / "yolo", 1)
    return data
