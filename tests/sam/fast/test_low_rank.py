"""Both cross attentions of image tokens in low rank, by Triton's interpreter, in sizes that fit no tile."""

import pytest

from tests.sam.fast import interpreted

KERNELS = """
import torch
from sav.sam.fast import low_rank
from sav.sam.fast.low_rank import LowRankImage, Scratch
from sav.sam.fast.shared_image import ImageToToken, TokenToImage

low_rank._attempts.device_types = ("cpu",)
torch.manual_seed(0)
for prompts, heads, count, dim, tokens in ((3, 4, 3, 8, 37), (1, 2, 7, 16, 100)):
    channels, step = 2 * heads * dim, heads * (count - 1) + 1
    of_heads = [torch.randn(heads, dim, tokens) for _ in range(5)]
    keys, positions, queries, *products = of_heads
    to_image = TokenToImage(keys, positions, torch.randn(heads, tokens, dim))
    # Prompts lie apart, and behind the last row of each there is room.
    whole = torch.zeros(2, 2 * prompts, 3 + 2 * step, tokens)
    plain, fast = (
        LowRankImage(memory[::2], Scratch(memory), is_fast) for memory, is_fast in zip(whole, (False, True))
    )
    values, rank = (), 1
    for layer in (1, 2):
        small = torch.randn(prompts, heads, count, dim)
        scores = torch.randn(prompts, heads * count, rank)
        for one, other in zip(*(image.token_to_image(to_image, small, scores) for image in (plain, fast))):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-4)

        values += (torch.randn(prompts, heads, count - 1, dim) / 9,)
        rows = torch.randn(prompts, rank + step - 1, channels) / 9
        shared = ImageToToken(
            queries, positions, torch.randn(channels, tokens), 99 + torch.rand(tokens),
            tuple(products[:layer]), 1e-5,
        )
        given = shared, small, scores, values, rows @ rows.mT, torch.randn(prompts, layer, tokens)
        for image in (plain, fast):
            image.image_to_token(*given)
        rank += step
        assert plain.basis.shape == fast.basis.shape == (prompts, rank, tokens)
        torch.testing.assert_close(fast.basis, plain.basis, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(fast.scale, plain.scale, rtol=1e-4, atol=1e-5)
    assert not whole[:, 1::2].any() and not whole[:, :, rank:].any()
assert not low_rank._attempts._failed
print("kernels agree")
"""


@pytest.mark.long
def test_triton_kernels_of_odd_sizes_give_the_same_but_for_rounding():
    interpreted.check(KERNELS)
