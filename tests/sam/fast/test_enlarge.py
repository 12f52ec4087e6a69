from dataclasses import replace

import numpy as np
import pytest
from torch.nn import functional as F

from sav.sam.conventions import FirstConvention
from sav.sam.enlarge import Stability
from sav.sam.fast.enlarge import _ROUNDING, CropEnlarger
from tests.conftest import TINY, random_sam
from tests.sam.test_enlarge import SIZES, blobs, stability_is_upstreams, upstream

# That every pixel and the stability are upstream's is tested beside `Enlarger`, for both.


def test_few_masks_are_too_close_to_call():
    enlarger = CropEnlarger(FirstConvention(128), SIZES[1][1], 2**20, channels=3)
    assert sum(enlarger._within(one, Stability(0.5, 1.0)) is None for one in blobs(200)) < 10


def test_values_on_the_bound_of_what_rounding_may_decide_are_looked_at_once_more():
    enlarger = CropEnlarger(FirstConvention(128), SIZES[1][1], 2**20)
    crop = enlarger._crop(blobs(7)[0], 0.0)
    # Above -1 by the error in one order of adding float32s, and by more than that in another.
    bound = replace(crop, values=np.full_like(crop.values, -0.9999952912330627), error=4.685550593204472e-06)
    least, most = bound.counts_above(-1.0)
    assert 0 <= least <= most <= crop.values.size


@pytest.mark.long
@pytest.mark.parametrize("rounding", [0.01, 1e9])
def test_a_mask_too_close_to_a_threshold_goes_upstreams_way(monkeypatch, rounding):
    monkeypatch.setattr("sav.sam.fast.enlarge._ROUNDING", rounding)
    stability_is_upstreams(CropEnlarger, 0.3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("image_size", "input_hw", "size_hw"),
    [(128, (85, 128), (300, 451)), (1024, (1024, 768), (1080, 810)), (1024, (576, 1024), (1080, 1920))],
)
def test_the_bound_on_rounding_holds_with_room_to_spare(image_size, input_hw, size_hw, channels, threads):
    sam = random_sam(replace(TINY, image_size=image_size, depth=1, global_blocks=()))
    logits = F.interpolate(blobs(7, spread=30.0)[4:, None], (image_size // 4,) * 2, mode="bicubic")[:, 0]
    enlarger = CropEnlarger(FirstConvention(image_size), size_hw, 2**20, channels)
    rows, columns = np.random.default_rng(0).integers(0, size_hw, (20_000, 2)).T
    for one, wanted in zip(logits, upstream(sam, logits, input_hw, size_hw, channels).numpy(), strict=True):
        crop = enlarger._crop(one, float("-inf"))
        assert crop.values.shape == size_hw
        error = np.abs(wanted - crop.values)[rows, columns]
        assert (error <= _ROUNDING / 4 * crop._largest_logits(rows, columns)).all()


def test_where_rounding_may_decide_the_products_do(threads):
    sam, logits = random_sam(), blobs(200)
    enlarger = CropEnlarger(FirstConvention(128), SIZES[1][1], 2**20, channels=3, is_exact=False)
    assert all(enlarger._within(one, Stability(0.5, 1.0)) is not None for one in logits)
    masks, kept = enlarger.masks(logits)
    assert kept.all()
    wanted = (upstream(sam, logits, *SIZES[1], channels=3) > 0).numpy()
    differs = masks.dense() != wanted
    differs[3] = False  # nothing but zeros: the sign of rounding
    assert differs.mean() < 1e-5
