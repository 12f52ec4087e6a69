import pytest
import torch
from torch.nn import functional as F

from sav.sam.conventions import FirstConvention
from sav.sam.enlarge import Enlarger, Stability
from sav.sam.fast.enlarge import CropEnlarger
from tests.conftest import cases, random_sam

SIZES = [((96, 128), (120, 160)), ((128, 72), (233, 131)), ((128, 128), (50, 50)), ((85, 128), (300, 451))]
both = pytest.mark.parametrize("kind", [Enlarger, CropEnlarger])


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


def stability_is_upstreams(kind: type[Enlarger], least: float) -> None:
    sam, logits = random_sam(), blobs(200)
    masks, kept = kind(FirstConvention(128), SIZES[0][1], 2**20, channels=3).masks(
        logits, Stability(least, 1.0)
    )
    enlarged = upstream(sam, logits, *SIZES[0], channels=3)
    smaller, larger = ((enlarged > shift).sum((1, 2), dtype=torch.int32) for shift in (1.0, -1.0))
    wanted = (smaller / larger >= least).numpy()
    assert 10 < wanted.sum() < 190
    assert (kept == wanted).all()
    assert (masks.dense() == (enlarged[wanted] > 0).numpy()).all()


@both
@cases(("input_hw", "size_hw"), SIZES, quick=2)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 200])
def test_every_pixel_is_upstreams(kind, input_hw, size_hw, channels, count, threads):
    sam, logits = random_sam(), blobs(200)[:count]
    masks, kept = kind(FirstConvention(128), size_hw, 2**20, channels).masks(logits)
    assert kept.all()
    assert kept.shape == (count,)
    if count:
        wanted = upstream(sam, logits, input_hw, size_hw, channels) > 0
        assert (masks.dense() == wanted.numpy()).all()


@both
@pytest.mark.parametrize("least", [0.3, 0.9])
def test_stability_is_upstreams(kind, least, threads):
    stability_is_upstreams(kind, least)
