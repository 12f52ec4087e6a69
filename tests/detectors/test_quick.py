"""Layers that go the quick way give what ultralytics' own do."""

import copy
import os
import subprocess
import sys

import pytest
import torch

from sav.detectors.door import import_ultralytics
from sav.detectors.network import load_network
from sav.detectors.quick import finished, quicken
from tests.conftest import ROOT
from tests.detectors.models import random_model, save

modules = import_ultralytics().nn.modules


@pytest.fixture
def captured(monkeypatch):
    """As while a CUDA graph is captured."""
    monkeypatch.setattr("sav.detectors.quick._is_captured", lambda grid: True)


@pytest.mark.parametrize("yaml", ["yolov8n.yaml", "yolo11n.yaml"])
def test_a_network_gives_the_same_boxes(tmp_path, captured, yaml):
    network = load_network(save(random_model(yaml), tmp_path / "best.pt"))
    batch = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        wanted = network(batch)
        quicken(network.module)
        found = network(batch)
    kinds = {type(layer) for layer in network.module.modules() if "forward" in vars(layer)}
    assert modules.Conv in kinds and modules.C2f in {base for kind in kinds for base in kind.__mro__}
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shortcut", [True, False])
def test_a_block_gives_the_same_with_and_without_a_shortcut(captured, shortcut):
    layer = modules.C2f(16, 32, n=2, shortcut=shortcut).eval()
    for conv in [one for one in layer.modules() if isinstance(one, modules.Conv)]:
        conv.conv = torch.nn.utils.fuse_conv_bn_eval(conv.conv, conv.bn)
        del conv.bn
        conv.forward = conv.forward_fuse
    quick = copy.deepcopy(layer)
    for conv in [one for one in quick.modules() if isinstance(one, modules.Conv)]:
        conv.forward = conv.forward_fuse
    quicken(quick)
    grid = torch.randn(2, 16, 5, 7)
    with torch.inference_mode():
        torch.testing.assert_close(quick(grid), layer(grid))


def test_on_a_cpu_the_layers_go_their_own_ways(tmp_path):
    network = load_network(save(random_model("yolov8n.yaml"), tmp_path / "best.pt"))
    batch = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        wanted = network(batch)
        quicken(network.module)
        assert torch.equal(network(batch), wanted)


@pytest.mark.parametrize("has_residual", [True, False])
def test_the_result_is_written_where_it_is_wanted(has_residual):
    raw, residual, bias = torch.randn(1, 8, 3, 4), torch.randn(1, 8, 3, 4), torch.randn(8)
    wanted = torch.nn.functional.silu(raw + bias.view(-1, 1, 1)) + (residual if has_residual else 0)
    twin = torch.zeros(1, 8, 3, 4)
    found = finished(raw, bias, residual=residual if has_residual else None, out=raw, twin=twin)
    assert found is raw
    torch.testing.assert_close(raw, wanted)
    assert torch.equal(twin, raw)


CASES = """
import torch
from sav.detectors.silu_kernels import finish

def lain(channels, more=0):
    grid = torch.randn(2, channels + more, 5, 7).half().contiguous(memory_format=torch.channels_last)
    return grid[:, more:]

apart = 0
for has_residual in (False, True):
    for has_twin in (False, True):
        raw, bias, residual, whole = lain(16, 8), torch.randn(16).half(), lain(16, 24), lain(40)
        untouched, twin = whole[:, ::39].clone(), whole[:, 8:24]
        wanted = torch.nn.functional.silu(raw.float() + bias.float().view(-1, 1, 1))
        wanted += residual.float() if has_residual else 0
        finish(raw, bias, residual if has_residual else None, raw, twin if has_twin else None)
        apart = max(apart, (raw - wanted).abs().max().item())
        assert torch.equal(raw, twin) == has_twin and torch.equal(untouched, whole[:, ::39])
print(apart)
"""


@pytest.mark.long
def test_the_kernel_gives_the_same_in_tritons_interpreter():
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CASES], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.005
