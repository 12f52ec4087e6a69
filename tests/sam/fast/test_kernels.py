"""The encoder's Triton kernels without a GPU: interpreted on the CPU, and compiled for one."""

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
FLOATS = {"stream", "weight", "bias"}
HALVES = {"qkv", "by_row", "by_column", "by_rows", "by_columns", "out", "branch"}


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


@pytest.mark.parametrize("element", ["bf16", "fp16"])
@pytest.mark.parametrize("side", [14, 64])
def test_attention_compiles_for_hopper_and_fits_into_its_registers(element, side):
    pytest.importorskip("triton")
    from sav.sam.fast.attention_kernels import attention_kernel, positions_kernel

    layout = kernels.Layout((1, 64, 64), 16, 80, side)
    launch = kernels.choose_launch(layout)
    sizes = layout.sizes | {"ROWS": launch.rows, "QUERIES": launch.queries}
    compiled = compile_for_hopper(attention_kernel, element, sizes, launch.warps, launch.stages)
    assert compiled.metadata.shared <= 232448
    assert "wgmma" in compiled.asm["ptx"]
    compile_for_hopper(positions_kernel, element, layout.sizes | {"TOKENS": 64}, 4, 2)


def test_normalising_compiles_for_hopper():
    pytest.importorskip("triton")
    from sav.sam.fast.norm_kernels import add_norm_kernel

    for adds in (False, True):
        compile_for_hopper(add_norm_kernel, "bf16", {"ADDS": adds, "CHANNELS": 2048}, 4, 1)


def compile_for_hopper(kernel, element, constants, warps, stages):
    """Compile a kernel as a launch on an H100 would."""
    import triton
    from triton.backends.compiler import GPUTarget

    def kind(name):
        if name in constants:
            return "constexpr"
        if name in FLOATS | HALVES:
            return "*fp32" if name in FLOATS else f"*{element}"
        return "fp32" if name in ("scale_log2", "inverse_scale", "eps") else "i32"

    names = kernel.arg_names
    pointers = [place for place, name in enumerate(names) if name in FLOATS | HALVES]
    aligned = {(place,): [["tt.divisibility", 16]] for place in pointers}
    source = triton.compiler.ASTSource(kernel, {name: kind(name) for name in names}, constants, aligned)
    options = {"num_warps": warps, "num_stages": stages}
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


@pytest.mark.parametrize("head_dim", [8, 16, 24, 32, 48, 64, 80, 96, 112, 128])
def test_a_heads_channels_come_in_products_of_powers_of_two(head_dim):
    sizes = kernels.Layout((1, 4, 4), 1, head_dim, 4).sizes
    assert sizes["MAIN"] + sizes["REST"] >= head_dim
    assert all(size.bit_count() <= 1 and size not in range(1, 16) for size in (sizes["MAIN"], sizes["REST"]))


def test_no_kernel_runs_where_it_is_not_made_for():
    assert not kernels.can_run(torch.device("cpu"), torch.bfloat16, 64)
