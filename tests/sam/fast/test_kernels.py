"""The encoder's Triton kernels without a GPU: interpreted on the CPU."""

import json
import os
import subprocess
import sys

import pytest
import torch

from sav.sam.fast import kernels
from tests.conftest import ROOT
from tests.sam.fast.cases import ATTENTION, ENCODERS, ROUNDINGS

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def interpreted():
    """How far each case is from the reference; only a fresh process can switch the interpreter on."""
    pytest.importorskip("triton")
    command = [sys.executable, "-m", "tests.sam.fast.cases"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_of_kernels_is_upstreams_but_for_float16s_rounding(interpreted, name):
    assert interpreted[name] < 0.002


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_in_windows_is_exact_but_for_rounding(interpreted, name):
    assert interpreted[name] < 1e-6


@pytest.mark.parametrize("dtype", ROUNDINGS)
def test_adding_and_normalising_is_exact_but_for_rounding(interpreted, dtype):
    assert interpreted[str(dtype)] < ROUNDINGS[dtype]


@pytest.mark.parametrize("head_dim", [8, 16, 24, 32, 48, 64, 80, 96, 112, 128])
def test_a_heads_channels_come_in_products_of_powers_of_two(head_dim):
    sizes = kernels.Layout((1, 4, 4), 1, head_dim, 4).sizes
    assert sizes["MAIN"] + sizes["REST"] >= head_dim
    assert all(size.bit_count() <= 1 and size not in range(1, 16) for size in (sizes["MAIN"], sizes["REST"]))


def test_no_kernel_runs_where_it_is_not_made_for():
    assert not kernels.can_run(torch.device("cpu"), torch.bfloat16, 64)
