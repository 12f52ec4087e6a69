"""Masks from image tokens in low rank, by Triton's interpreter: SAM's and SAM 2's, in part of an odd grid."""

import pytest

from tests.sam.fast import interpreted

KERNELS = """
from dataclasses import replace
import torch
from sav.sam.fast import upscaling
from sav.sam.fast.low_rank import LowRankImage, Scratch
from sav.sam.fast.upscaling import FineTokens, Upscaling
from tests.conftest import TINY, random_sam

torch.set_grad_enabled(False)
upscaling._attempts.device_types = ("cpu",)
decoder = random_sam(replace(TINY, prompt_dim=128), spread=0.1).mask_decoder
height, width, rank, prompts, channels, last = 3, 21, 38, 2, 32, 16
memory = torch.randn(2 * prompts, rank + 5, height * width)[::2]  # prompts lie apart
shared = torch.randn(height * width, 4 * channels)
fine = FineTokens(torch.randn(height, width, 4 * channels), torch.randn(height, width, 4, 4 * last))
for details, extent_hw in ((None, (3, 21)), (fine, (2, 19))):
    made = Upscaling(decoder, shared, (height, width), extent_hw, details)
    coefficients, mixers = torch.randn(prompts, rank, 4 * channels), torch.randn(prompts, 3, last)
    found = []
    for with_kernels in (False, True):
        image = LowRankImage(memory.clone(), Scratch(memory), with_kernels)
        image._memory, image._rank = memory, rank
        image.scale = torch.linspace(0.5, 1, 2 * prompts * height * width).view(2 * prompts, 1, -1)[::2]
        found.append(made.masks(image, coefficients, mixers))
    assert found[0].shape == (3 * prompts, 4 * height, 4 * width)
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-4 * float(found[0].std()))
    assert not found[1][:, 4 * extent_hw[0] :].any() and not found[1][..., 4 * extent_hw[1] :].any()
assert not upscaling._attempts._failed
print("kernels agree")
"""


@pytest.mark.long
def test_triton_kernels_give_the_masks_of_both_sams_but_for_rounding():
    interpreted.check(KERNELS)
