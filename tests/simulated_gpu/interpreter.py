"""Triton's kernels on the simulated GPU, by Triton's interpreter, which is on before Triton is imported."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from torch.utils._python_dispatch import _disable_current_modes

from tests.simulated_gpu.chip import OnChip
from tests.simulated_gpu.driver import Driver


def plug_in_kernels(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> list[str]:
    """Have kernels take tensors on the GPU alone; a list that gets the name of each that is launched."""
    from triton.runtime.interpreter import GridExecutor

    launched: list[str] = []
    run, one_at_a_time = GridExecutor.__call__, threading.Lock()

    def launch(executor: Any, *args: Any, **kwargs: Any) -> None:
        launched.append(executor.fn.__name__)
        for value in (*args, *kwargs.values()):
            if hasattr(value, "data_ptr") and not isinstance(value, OnChip):
                raise ValueError("Pointer argument cannot be accessed from Triton (cpu tensor?)")
        bare, named = [_bare(value) for value in args], {name: _bare(value) for name, value in kwargs.items()}

        def run_here(*_: Any, **__: Any) -> None:
            with one_at_a_time, _disable_current_modes():
                run(executor, *bare, **named)

        capture = driver.chip.capture
        if capture is not None:
            capture.steps.append((run_here, (), {}, []))
        else:
            run_here()

    monkeypatch.setattr(GridExecutor, "__call__", launch)
    return launched


def _bare(value: Any) -> Any:
    return value.numbers if isinstance(value, OnChip) else value
