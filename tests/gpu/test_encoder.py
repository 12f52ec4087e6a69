"""The encoder on a GPU: by our kernels, by CUDA graphs of them, and by PyTorch where these fail."""

import pytest
import torch

from sav.sam.encoders import vit
from sav.sam.fast import kernels
from sav.sam.fast.encoder import FastEncoder

pytestmark = pytest.mark.long

# Eight blocks of either kind of ViT-B, whose heads have 64 channels, and two of ViT-H's, of 80.
BASE = vit.VitArchitecture(512, 16, 768, 8, 12, 4.0, True, 14, (2, 5))
HUGE = vit.VitArchitecture(1024, 16, 1280, 2, 16, 4.0, True, 14, (1,))
ERRORS = {torch.bfloat16: 0.01, torch.float16: 0.002}


@pytest.fixture(params=[BASE, HUGE], ids=["base", "huge"])
def upstream(request, cuda):
    """segment_anything's encoder with random weights, and positions that matter."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        encoder = vit.build(request.param, 256).eval()
        for name, tensor in encoder.named_parameters():
            if "rel_pos" in name or name.endswith("qkv.bias"):
                tensor.normal_(0, 0.2)
    return encoder.to(cuda)


def pixels_for(encoder, count):
    generator = torch.Generator().manual_seed(count)
    side = encoder.img_size
    return torch.randn(count, 3, side, side, generator=generator).to(encoder.pos_embed.device)


@pytest.mark.parametrize("dtype", ERRORS)
@torch.inference_mode()
def test_features_are_upstreams_the_first_time_and_replayed(upstream, dtype, caplog):
    fast = FastEncoder(upstream, dtype).eval()
    for count in (2, 1, 2, 2, 1, 1):
        pixels = pixels_for(upstream, count)
        wanted, found = upstream(pixels), fast(pixels)
        assert found.dtype == torch.float32
        assert (found - wanted).std() < ERRORS[dtype] * wanted.std()
    assert not caplog.messages


@torch.inference_mode()
def test_features_that_were_given_away_stay_as_they_are(upstream):
    fast = FastEncoder(upstream, torch.bfloat16).eval()
    one, other = pixels_for(upstream, 1), pixels_for(upstream, 1).flip(3)
    features = [fast(pixels) for pixels in (one, one, one, other)]
    assert torch.equal(features[1], features[2])
    assert not torch.equal(features[2], features[3])


@pytest.mark.parametrize("part", ["add_norm", "attend", "relative_positions"])
@torch.inference_mode()
def test_where_a_kernel_fails_pytorch_does_it_and_one_line_says_so(upstream, part, monkeypatch, caplog):
    def fail(*arguments, **named):
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(kernels, "can_run", lambda *asked: True)
    monkeypatch.setattr(kernels, part, fail)
    fast = FastEncoder(upstream, torch.bfloat16).eval()
    pixels = pixels_for(upstream, 1)
    wanted = upstream(pixels)
    for _ in range(3):
        assert (fast(pixels) - wanted).std() < 0.01 * wanted.std()
    (line,) = caplog.messages
    assert "no such instruction" in line


@torch.inference_mode()
def test_without_triton_pytorch_does_it(upstream, monkeypatch):
    monkeypatch.setattr(kernels, "can_run", lambda *asked: False)
    fast = FastEncoder(upstream, torch.bfloat16).eval()
    pixels = pixels_for(upstream, 1)
    wanted = upstream(pixels)
    assert (fast(pixels) - wanted).std() < 0.01 * wanted.std()
