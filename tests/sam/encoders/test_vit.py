from dataclasses import replace

import pytest
import torch

from sav.device import EXACT, Precision
from sav.sam.encoders import vit
from tests.conftest import TINY, random_sam

WINDOWED = replace(TINY, image_size=256, window_size=7, global_blocks=(0, 2))


@pytest.mark.parametrize("architecture", [TINY, WINDOWED])
def test_sizes_are_read_from_shapes_and_what_they_build_takes_the_tensors(architecture):
    state = random_sam(architecture).state_dict()
    sizes = vit.read(state)
    assert vars(sizes).items() <= vars(architecture).items()
    built = vit.build(sizes, architecture.prompt_dim)
    prefix = "image_encoder."
    built.load_state_dict(
        {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_size": 8192}, "too large"),
        ({"image_size": 2048, "patch_size": 8}, "too large"),
        ({"window_size": 9}, "windows of 9"),
    ],
)
def test_sizes_beyond_those_of_any_sam_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(TINY, **change).check_plausible()


@torch.inference_mode()
def test_the_encoder_is_upstreams_where_all_must_be_exact_and_its_like_elsewhere():
    pixels = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    wanted = random_sam(spread=0.1).image_encoder(pixels)
    exact = vit.Encoder(random_sam(spread=0.1), EXACT)
    fast = vit.Encoder(random_sam(spread=0.1), Precision(torch.float32))
    assert torch.equal(exact(pixels).coarse, wanted)
    assert (fast(pixels).coarse - wanted).std() < 1e-5 * wanted.std()
    assert exact.side == exact.prompt_side == fast.side == fast.prompt_side == 128
