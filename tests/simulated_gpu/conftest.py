from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.simulated_gpu.driver import Driver, plug_in


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    """A simulated GPU, which this thread computes on; Triton knows nothing of it."""
    if torch.cuda.is_available():
        pytest.skip("here is a GPU, and tests/gpu")
    for module in ("low_rank", "upscaling", "on_device"):
        monkeypatch.setattr(f"sav.sam.fast.{module}._attempts.device_types", ())
    monkeypatch.setattr("sav.sam.fast.kernels.can_run", lambda *asked: False)
    monkeypatch.setattr("sav.detectors.quick._has_kernel", lambda device: False)
    plugged = plug_in(monkeypatch)
    with plugged.here():
        yield plugged
