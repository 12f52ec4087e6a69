from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from sav.config import DetectionConfig
from sav.detectors.yolo import YoloDetector
from sav.device import EXACT, Precision, choose_precision
from sav.media.pictures import read_picture
from sav.sam.fast.encoder import FastEncoder
from sav.sam.load import load_sam
from tests.conftest import DEMO_SAM, DEMO_YOLO, ROOT, TINY, random_sam

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "architecture",
    [
        TINY,
        replace(TINY, image_size=256, window_size=7, global_blocks=(0, 2)),
        replace(TINY, window_size=4, global_blocks=()),
        replace(TINY, window_size=0, global_blocks=(0, 1, 2)),
        replace(TINY, qkv_bias=False),
    ],
)
@pytest.mark.parametrize(
    ("dtype", "error"), [(torch.float32, 1e-5), (torch.bfloat16, 0.01), (torch.float16, 0.002)]
)
def test_the_arithmetic_is_upstreams(architecture, dtype, error):
    encoder = random_sam(architecture, spread=0.1).image_encoder
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 3, architecture.image_size, architecture.image_size, generator=generator)
    with torch.inference_mode():
        wanted = encoder(pixels)
        found = FastEncoder(encoder, dtype).eval()(pixels)
    assert found.dtype == torch.float32
    assert (found - wanted).std() < error * wanted.std()


def test_a_few_heads_at_a_time_give_the_same(monkeypatch):
    encoder = random_sam(spread=0.1).image_encoder
    pixels = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    half = FastEncoder(encoder, torch.float32)
    with torch.inference_mode():
        whole = half(pixels)
        monkeypatch.setattr("sav.sam.fast.encoder._BIAS_BYTES", {"cpu": 1})
        assert torch.allclose(half(pixels), whole, atol=1e-5)


def test_where_a_kernel_fails_pytorch_does_it_and_one_line_says_so(monkeypatch, caplog):
    half = FastEncoder(random_sam(spread=0.1).image_encoder, torch.bfloat16)
    pixels = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("sav.sam.fast.kernels.can_run", lambda *asked: True)
    monkeypatch.setattr("sav.sam.fast.kernels.attend", Mock(side_effect=RuntimeError("no such instruction")))
    monkeypatch.setattr("sav.sam.fast.kernels.add_norm", Mock(return_value=torch.zeros(65, 64).bfloat16()))
    with torch.inference_mode():
        found = [half(pixels) for _ in range(2)]
        assert all(torch.equal(features, half.without_kernels(pixels)) for features in found)
    (line,) = caplog.messages
    assert "no such instruction" in line


@pytest.mark.long
def test_half_precision_costs_nothing_that_one_can_see():
    detector = YoloDetector(DEMO_YOLO, CPU, DetectionConfig(conf=0.4))
    exact, half = (load_sam(DEMO_SAM, CPU, precision) for precision in (EXACT, Precision(torch.bfloat16)))
    overlaps = []
    for path in sorted((ROOT / "TestImages").glob("*.jpg"))[:3]:
        picture = read_picture(path)
        boxes = detector([picture])[0].boxes_xyxy
        a, b = (model.masks_from_boxes(model.embed([picture])[0], boxes).dense() for model in (exact, half))
        shared, joined = (a & b).sum(axis=(1, 2)), (a | b).sum(axis=(1, 2))
        overlaps.append(shared / np.maximum(joined, 1))
    assert np.concatenate(overlaps).mean() >= 0.99


def test_precision_is_chosen_by_name_and_auto_takes_what_is_fast_here():
    assert choose_precision("float32", CPU) == EXACT
    assert choose_precision("bfloat16", CPU) == Precision(torch.bfloat16)
    assert choose_precision("auto", CPU) in (Precision(torch.float32), Precision(torch.bfloat16))
    assert choose_precision("auto", torch.device("mps")) == Precision(torch.float32)
