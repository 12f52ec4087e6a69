from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sav.sam.enlarge import _ROUNDING, Enlarger, Stability
from tests.conftest import TINY, random_sam

SIZES = [((96, 128), (120, 160)), ((128, 72), (233, 131)), ((128, 128), (50, 50)), ((85, 128), (300, 451))]


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def blobs(count: int, spread: float = 8.0) -> torch.Tensor:
    """`(count, 32, 32)` logits of all kinds: small and large blobs, noise, one sign only, nothing at all."""
    generator = torch.Generator().manual_seed(0)
    coarse = (
        torch.randn(count, 1, 6, 6, generator=generator) - torch.linspace(-1, 4, count)[:, None, None, None]
    )
    smooth = F.interpolate(coarse, (32, 32), mode="bicubic")[:, 0] * spread
    smooth[::7] += torch.randn(smooth[::7].shape, generator=generator)
    smooth[1], smooth[2], smooth[3] = -5.0, 5.0, 0.0
    return smooth


def upstream(sam, logits, input_hw, size_hw, channels) -> torch.Tensor:
    planes = F.pad(logits, (0, 0, 0, 0, 0, -len(logits) % channels)).unflatten(0, (-1, channels))
    return sam.postprocess_masks(planes, input_hw, size_hw).flatten(0, 1)[: len(logits)]


@pytest.mark.parametrize(("input_hw", "size_hw"), SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_every_pixel_is_upstreams(input_hw, size_hw, channels, count, threads):
    sam, logits = random_sam(), blobs(200)[:count]
    masks, kept = Enlarger(sam, input_hw, size_hw, 2**20, channels).masks(logits)
    assert kept.all()
    assert kept.shape == (count,)
    if count:
        wanted = upstream(sam, logits, input_hw, size_hw, channels) > 0
        assert (masks.dense() == wanted.numpy()).all()


@pytest.mark.parametrize("least", [0.3, 0.9])
def test_stability_is_upstreams(least, threads):
    sam, logits = random_sam(), blobs(200)
    masks, kept = Enlarger(sam, *SIZES[0], 2**20, channels=3).masks(logits, Stability(least, 1.0))
    enlarged = upstream(sam, logits, *SIZES[0], channels=3)
    smaller, larger = ((enlarged > shift).sum((1, 2), dtype=torch.int32) for shift in (1.0, -1.0))
    wanted = (smaller / larger >= least).numpy()
    assert 10 < wanted.sum() < 190
    assert (kept == wanted).all()
    assert (masks.dense() == (enlarged[wanted] > 0).numpy()).all()


def test_few_masks_are_too_close_to_call():
    enlarger = Enlarger(random_sam(), *SIZES[1], 2**20, channels=3)
    assert sum(enlarger._within(one, Stability(0.5, 1.0)) is None for one in blobs(200)) < 10


@pytest.mark.parametrize("rounding", [0.01, 1e9])
def test_a_mask_too_close_to_a_threshold_goes_upstreams_way(monkeypatch, rounding):
    monkeypatch.setattr("sav.sam.enlarge._ROUNDING", rounding)
    test_stability_is_upstreams(0.3, 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("image_size", "input_hw", "size_hw"),
    [(128, (85, 128), (300, 451)), (1024, (1024, 768), (1080, 810)), (1024, (576, 1024), (1080, 1920))],
)
def test_the_bound_on_rounding_holds_with_room_to_spare(image_size, input_hw, size_hw, channels, threads):
    sam = random_sam(replace(TINY, image_size=image_size, depth=1, global_blocks=()))
    logits = F.interpolate(blobs(7, spread=30.0)[4:, None], (image_size // 4,) * 2, mode="bicubic")[:, 0]
    enlarger = Enlarger(sam, input_hw, size_hw, 2**20, channels)
    rows, columns = np.random.default_rng(0).integers(0, size_hw, (20_000, 2)).T
    for one, wanted in zip(logits, upstream(sam, logits, input_hw, size_hw, channels).numpy(), strict=True):
        crop = enlarger._crop(one, float("-inf"))
        assert crop.values.shape == size_hw
        error = np.abs(wanted - crop.values)[rows, columns]
        assert (error <= _ROUNDING / 4 * crop._largest_logits(rows, columns)).all()


def test_where_rounding_may_decide_the_products_do(threads):
    sam, logits = random_sam(), blobs(200)
    enlarger = Enlarger(sam, *SIZES[1], 2**20, channels=3, is_exact=False)
    assert all(enlarger._within(one, Stability(0.5, 1.0)) is not None for one in logits)
    masks, kept = enlarger.masks(logits)
    assert kept.all()
    wanted = (upstream(sam, logits, *SIZES[1], channels=3) > 0).numpy()
    differs = masks.dense() != wanted
    differs[3] = False  # nothing but zeros: the sign of rounding
    assert differs.mean() < 1e-5
