"""Triton kernels on CPU tensors, by Triton's interpreter, in a process of their own where it is on."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def check(code: str) -> None:
    """Run code that says in the end that kernels agree with what they replace."""
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "kernels agree" in done.stdout, done.stderr
