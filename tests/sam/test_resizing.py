"""Resizing on the device is Pillow's to the last bit."""

import numpy as np
import pytest
import torch
from PIL import Image

from sav.sam.conventions import FirstConvention
from sav.sam.resizing import resized, taps_for

NOISE = np.random.default_rng(0)


def by_pillow(image, size_hw):
    """Rows first, then columns, which newer versions of Pillow do in another order for tall pictures."""
    bilinear = Image.Resampling.BILINEAR
    rows = Image.fromarray(image).resize((size_hw[1], image.shape[0]), bilinear)
    return np.asarray(rows.resize(size_hw[::-1], bilinear))


def planes_of(image):
    return torch.from_numpy(image).permute(2, 0, 1)


def resized_to(planes, size_hw):
    return resized(planes, taps_for(planes.shape[-2:], size_hw, planes.device))


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 7), (2, 300), (33, 47), (108, 192), (100, 57), (223, 7)])
@pytest.mark.parametrize("wanted_hw", [(1, 1), (5, 5), (64, 36), (17, 300), (256, 1), (108, 192)])
def test_every_pixel_is_pillows(size_hw, wanted_hw):
    for image in (NOISE.integers(0, 256, (*size_hw, 3), np.uint8), np.full((*size_hw, 3), 255, np.uint8)):
        found = resized_to(planes_of(image), wanted_hw).permute(1, 2, 0).numpy()
        assert (found == by_pillow(image, wanted_hw)).all()


@pytest.mark.parametrize("size_hw", [(90, 160), (160, 90), (120, 121), (40, 30)])
def test_in_sams_square_pictures_are_as_pillow_makes_them_at_once(size_hw):
    convention = FirstConvention(64)
    image = NOISE.integers(0, 256, (*size_hw, 3), np.uint8)
    wanted_hw = convention.input_hw(size_hw)
    at_once = np.asarray(Image.fromarray(image).resize(wanted_hw[::-1], Image.Resampling.BILINEAR))
    assert (resized_to(planes_of(image), wanted_hw).permute(1, 2, 0).numpy() == at_once).all()


def test_several_pictures_are_resized_at_once():
    images = NOISE.integers(0, 256, (3, 50, 70, 3), np.uint8)
    together = resized_to(torch.from_numpy(images).permute(0, 3, 1, 2), (20, 31))
    assert all(
        torch.equal(one, resized_to(planes_of(image), (20, 31)))
        for one, image in zip(together, images, strict=True)
    )


@pytest.mark.parametrize("height", [50, 120])
def test_the_encoder_sees_the_same_whoever_resizes(picture, height):
    convention, images = FirstConvention(256), [picture, picture[:height]]
    wanted = convention.pixels(images, torch.device("cpu"))
    assert torch.equal(convention._pixels_on_device(images, torch.device("cpu")), wanted)
    assert (wanted[1, :, 107 if height == 50 else 192 :] == 0).all()
