"""The encoder on a GPU: by our kernels, by CUDA graphs of them, and by PyTorch where these fail."""

import pytest
import torch

from sav.device import EXACT, Precision
from sav.sam.encoders import vit
from sav.sam.fast import kernels
from sav.sam.fast.encoder import FastEncoder
from sav.sam.load import load_sam
from tests.sam.fast.cases import apart, plain_attention, random_tables
from tests.sam.models import know_tiny_ones, mobile_sam, sam_2

pytestmark = pytest.mark.long

# Blocks of ViT-B, whose heads have 64 channels, and of ViT-H, whose have 80.
BASE = vit.VitArchitecture(256, 16, 768, 6, 12, 4.0, True, 14, (2, 5))
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


@pytest.mark.parametrize("dtype", ERRORS)
@pytest.mark.parametrize(("side", "dim"), [(14, 80), (24, 96), (32, 64), (64, 80), (128, 64)])
@torch.inference_mode()
def test_attention_is_right_for_windows_and_heads_of_any_size(side, dim, dtype, cuda):
    if cuda.type != "cuda":
        pytest.skip("Triton's kernels run on a GPU")
    layout = kernels.Layout((2, 40, 72) if side < 64 else (1, side, side), 1, dim, side)
    images, height, width = layout.size_bhw
    with torch.random.fork_rng():
        torch.manual_seed(0)
        qkv, tables = torch.randn(images * height * width + 1, 3 * dim), random_tables(side, dim)
    qkv, *tables = (tensor.to(cuda, dtype) for tensor in (qkv, *tables))
    with torch.cuda.device(cuda):
        found = [kernels.attend(qkv, layout, tuple(tables)) for _ in range(3)]
    wanted = plain_attention(qkv.float(), layout, [table.float() for table in tables])
    # Scores from vectors of this length are so large that PyTorch in that precision is far off, too.
    at_most = max(ERRORS[dtype], apart(plain_attention(qkv, layout, tables), wanted))
    assert apart(found[0], wanted) <= at_most
    assert all(torch.equal(again, found[0]) for again in found)


@pytest.mark.parametrize("part", ["add_norm", "attend", "relative_positions"])
@torch.inference_mode()
def test_where_a_kernel_fails_pytorch_does_it_and_one_line_says_so(upstream, part, monkeypatch, caplog):
    asked = []

    def fail(*arguments, **named):
        asked.append(part)
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(kernels, "can_run", lambda *asked: True)
    monkeypatch.setattr(kernels, part, fail)
    fast = FastEncoder(upstream, torch.bfloat16).eval()
    pixels = pixels_for(upstream, 1)
    wanted = upstream(pixels)
    for _ in range(3):
        assert (fast(pixels) - wanted).std() < 0.01 * wanted.std()
    # Small global blocks make their positions inside the attention.
    assert asked or part == "relative_positions"
    assert ["without kernels of ours" in line for line in caplog.messages] == [True] * bool(asked)
    caplog.clear()


@torch.inference_mode()
def test_without_triton_pytorch_does_it(upstream, monkeypatch):
    monkeypatch.setattr(kernels, "can_run", lambda *asked: False)
    fast = FastEncoder(upstream, torch.bfloat16).eval()
    pixels = pixels_for(upstream, 1)
    wanted = upstream(pixels)
    assert (fast(pixels) - wanted).std() < 0.01 * wanted.std()


@pytest.fixture
def tiny_ones(monkeypatch):
    """Files of tiny models of other kinds can be read."""
    know_tiny_ones(monkeypatch)


@pytest.mark.usefixtures("tiny_ones")
@pytest.mark.parametrize("build", [mobile_sam, sam_2])
@torch.inference_mode()
def test_other_kinds_replayed_give_what_they_give_at_first(
    build, cuda, tmp_path, picture, monkeypatch, caplog
):
    know_tiny_ones(monkeypatch)
    torch.save(build().state_dict(), tmp_path / "sam.pt")
    exact, half = (load_sam(tmp_path / "sam.pt", cuda, kind) for kind in (EXACT, Precision(torch.bfloat16)))
    wanted = exact.embed([picture])[0].features.coarse
    found = [half.embed([picture])[0].features.coarse for _ in range(3)]
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert (found[0] - wanted).std() < 0.05 * wanted.std()
    assert not any("graph" in line for line in caplog.messages)
